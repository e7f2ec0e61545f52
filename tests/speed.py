"""How fast the cascade reads, beside a plain pipeline with a 12-layer encoder of base size.

    .venv/bin/python -m tests.speed [--data FOLDER] [--messages N]

Both read the same messages in one run, in turns, so that the machine's moods hit both; the pipeline
once each message by itself, and once with the eight turns before it, as the cascade does. Without a
folder of public sets the messages are the conversations of our own test part, which are far more
alarming than everyday talk; with one, everyday talk (CPED) with one such conversation in ten.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer

from classifiers import Cascade, load_classifier, shipped_model
from classifiers.corpus import Dialogue, Line, read_part
from classifiers.evaluation import utterances_of
from classifiers.features import CONTEXT
from classifiers.training.sources import rows
from safety.core.types import Role, Utterance

ROUNDS = 5
BATCH = 200
_PIPELINE_SHARE = 40


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path)
    asked.add_argument("--messages", type=int, default=20_000)
    options = asked.parse_args()
    utterances = messages(options.data, options.messages)
    part = len(utterances) // ROUNDS
    slow = plain_pipeline()
    ratios: dict[str, list[float]] = {"alone": [], "with the turns before": []}
    for number in range(ROUNDS):
        held = utterances[number * part : (number + 1) * part]
        cascade = load_classifier(threads=2)
        assert isinstance(cascade, Cascade)
        cascade.assess(held[:50])
        started = time.perf_counter()
        for at in range(0, len(held), BATCH):
            cascade.assess(held[at : at + BATCH])
        fast_s = (time.perf_counter() - started) / len(held)
        few = held[:: len(held) // _PIPELINE_SHARE]
        asked_of = {
            "alone": [utterance.text for utterance in few],
            "with the turns before": [in_context(utterance) for utterance in few],
        }
        print(f"cascade {1 / fast_s:.0f}/s")
        for how, texts in asked_of.items():
            started = time.perf_counter()
            for text in texts:
                slow(text[:500] or "。")
            slow_s = (time.perf_counter() - started) / len(texts)
            ratios[how].append(slow_s / fast_s)
            print(f"  pipeline {how} {1 / slow_s:.1f}/s, ratio {ratios[how][-1]:.0f}")
    for how, each in ratios.items():
        print(f"median ratio {how} {statistics.median(each):.0f} over {len(utterances)} messages")
    alone = latencies(utterances[:3000])
    print(f"one message alone: p50 {alone[0]:.1f} ms, p99 {alone[1]:.1f} ms")


def messages(data: Path | None, count: int) -> list[Utterance]:
    """Every message with the turns before it."""
    alarming = read_part("test")
    random.Random(1).shuffle(alarming)
    if data is None:
        held = [utterance for dialogue in alarming for utterance in utterances_of(dialogue)]
        return held[:count]
    found: list[Utterance] = []
    texts = (row["text"] for row in rows(data / "cped_utterances.jsonl.xz"))
    number = 0
    while len(found) < count:
        if number % 10 == 0:
            talk = alarming[number // 10 % len(alarming)]
        else:
            lines = [
                Line(Role.LISTENER if place % 2 else Role.CLIENT, text)
                for place, text in zip(range(10), texts, strict=False)
            ]
            talk = Dialogue(f"day-{number}", "everyday", 15 * 60, "", tuple(lines))
        found.extend(utterances_of(talk))
        number += 1
    return found[:count]


def in_context(utterance: Utterance) -> str:
    """The message behind the turns before it, as one text."""
    turns = utterance.before[-CONTEXT:]
    return "\n".join([*(turn.text for turn in turns), utterance.text])


def plain_pipeline() -> Callable[[str], Any]:
    """`transformers.pipeline` over a fresh encoder of base size; weights do not change the time."""
    shipped = shipped_model()
    assert shipped is not None
    torch.set_num_threads(2)
    words = Tokenizer.from_file(str(shipped / "words.json"))
    kit: Any = transformers
    kit.utils.logging.set_verbosity_error()
    tokenizer = kit.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]", sep_token="[SEP]"
    )
    config = kit.BertConfig(vocab_size=words.get_vocab_size(), num_labels=19)
    model = kit.BertForSequenceClassification(config).eval()
    found: Callable[[str], Any] = kit.pipeline(
        "text-classification", model=model, tokenizer=tokenizer, device="cpu"
    )
    return found


def latencies(utterances: list[Utterance]) -> tuple[float, float]:
    """Median and 99th percentile of one message read by itself, in milliseconds."""
    cascade = load_classifier(threads=2)
    cascade.assess(utterances[:50])
    times = []
    for utterance in utterances:
        started = time.perf_counter()
        cascade.assess([utterance])
        times.append(1000 * (time.perf_counter() - started))
    times.sort()
    return times[len(times) // 2], times[int(len(times) * 0.99)]


if __name__ == "__main__":
    main()
