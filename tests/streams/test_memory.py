"""What the in-process stream promises beyond the contract of every source."""

from __future__ import annotations

import threading

import pytest

from safety.core.errors import SourceUnavailable
from streams.memory import MemoryStream


def test_memory_is_bounded_and_committing_makes_room() -> None:
    stream = MemoryStream(partitions=2, capacity=3)
    source = stream.source()
    for number in range(3):
        stream.append(b"k%d" % number, b"v")
    with pytest.raises(SourceUnavailable):
        stream.append(b"k", b"v")
    source.commit(source.poll(2, 0))
    stream.append(b"k", b"v")
    stream.append(b"k", b"v")
    with pytest.raises(SourceUnavailable):
        stream.append(b"k", b"v")


def test_append_waits_for_room() -> None:
    stream = MemoryStream(capacity=1)
    source = stream.source()
    stream.append(b"k", b"1")
    appended = threading.Event()

    def append() -> None:
        stream.append(b"k", b"2", timeout_s=30)
        appended.set()

    thread = threading.Thread(target=append)
    thread.start()
    assert not appended.wait(0.05)
    source.commit(source.poll(1, 0))
    thread.join(30)
    assert appended.is_set()


def test_accepted_means_committed() -> None:
    stream = MemoryStream()
    record = stream.append(b"k", b"v")
    assert not stream.wait_committed(record, 0)
    source = stream.source()
    assert source.poll(1, 0) == [record]
    assert not stream.wait_committed(record, 0)
    source.commit([record])
    assert stream.wait_committed(record, 0)


def test_a_waiter_wakes_when_another_thread_commits() -> None:
    stream = MemoryStream()
    source = stream.source()
    record = stream.append(b"k", b"v")
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(stream.wait_committed(record, 30)))
    thread.start()
    source.commit(source.poll(1, 0))
    thread.join(30)
    assert answers == [True]


def test_a_record_stays_until_every_group_has_committed_it() -> None:
    stream = MemoryStream(capacity=1)
    one, other = stream.source("one"), stream.source("other")
    record = stream.append(b"k", b"v")
    one.commit(one.poll(1, 0))
    assert not stream.wait_committed(record, 0)
    assert other.poll(1, 0) == [record]
    other.commit([record])
    assert stream.wait_committed(record, 0)


def test_a_reader_without_news_waits_for_an_append() -> None:
    stream = MemoryStream()
    source = stream.source()
    timer = threading.Timer(0.05, stream.append, (b"k", b"v"))
    timer.start()
    assert len(source.poll(1, 30)) == 1
    timer.join()


def test_no_partition_starves() -> None:
    stream = MemoryStream(partitions=2)
    source = stream.source()
    keys = {stream.append(b"%d" % number, b"v").partition: number for number in range(20)}
    busy, quiet = keys[0], keys[1]
    source.commit(source.poll(100, 0))
    for _ in range(10):
        stream.append(b"%d" % busy, b"v")
    late = stream.append(b"%d" % quiet, b"v")
    assert late in [*source.poll(2, 0), *source.poll(2, 0)]


def test_lag_and_assignment() -> None:
    stream = MemoryStream(partitions=4)
    source = stream.source()
    for number in range(5):
        stream.append(b"%d" % number, b"v")
    assert (source.lag(), source.assignment_count) == (5, 4)
    source.poll(2, 0)
    assert source.lag() == 3
    stream.source()
    assert source.assignment_count == 2


def test_a_partition_that_went_to_another_reader_cannot_be_committed() -> None:
    stream = MemoryStream(partitions=2)
    source = stream.source()
    for number in range(10):
        stream.append(b"%d" % number, b"v")
    records = source.poll(100, 0)
    stream.source()
    with pytest.raises(SourceUnavailable):
        source.commit(records)


def test_a_closed_reader_reads_nothing() -> None:
    stream = MemoryStream()
    source = stream.source()
    source.close()
    source.close()
    with pytest.raises(SourceUnavailable):
        source.poll(1, 0)
    with pytest.raises(SourceUnavailable):
        source.commit([])
