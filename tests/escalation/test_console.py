from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import pytest

from escalation.console import ConsoleNotifier
from escalation.render import page_text
from safety.core.errors import NotifierUnavailable, Undeliverable

from .builders import counsellor, page_for


def test_one_line_with_the_contact_and_the_page() -> None:
    stream = io.StringIO()
    receipt = ConsoleNotifier(stream).send(page_for(), counsellor("c1"))
    assert stream.getvalue() == f"c1 {page_text(page_for())}\n"
    assert receipt.reference == "console:page-1:1"


def test_a_contact_cannot_break_the_line() -> None:
    stream = io.StringIO()
    ConsoleNotifier(stream).send(page_for(), counsellor("c1", contacts={"console": "a\nb"}))
    assert stream.getvalue().count("\n") == 1


def test_the_line_is_flushed_at_once() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8", write_through=False)
    ConsoleNotifier(stream).send(page_for(), counsellor("c1"))
    assert "接住" in raw.getvalue().decode("utf-8")


def test_a_stream_that_is_closed_or_cannot_spell_is_unavailable() -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (closed, io.TextIOWrapper(io.BytesIO(), encoding="ascii")):
        with pytest.raises(NotifierUnavailable, match="console_closed"):
            ConsoleNotifier(stream).send(page_for(), counsellor("c1"))


def test_a_blank_contact_is_none() -> None:
    with pytest.raises(Undeliverable):
        ConsoleNotifier(io.StringIO()).send(page_for(), counsellor("c1", contacts={"console": " "}))


def test_lines_of_many_threads_stay_whole() -> None:
    stream = io.StringIO()
    notifier = ConsoleNotifier(stream)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: notifier.send(page_for(), counsellor("c1")), range(200)))
    assert set(stream.getvalue().splitlines()) == {f"c1 {page_text(page_for())}"}
    assert len(stream.getvalue().splitlines()) == 200
