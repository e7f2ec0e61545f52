"""`python -m tests.faults`: plants known faults in a copy and names what catches each.

A fault that no test catches makes the exit code 1: the suite would let it through.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Fault:
    """What is broken, where, and in which folders the tests are that should see it."""

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


FAULTS = (
    Fault(
        "commit before handle",
        "streams/consumer.py",
        '            self._handle_all(readable)\n            self._checkpoint("handled")\n'
        "            self._source.commit(records)\n",
        "            self._source.commit(records)\n"
        '            self._handle_all(readable)\n            self._checkpoint("handled")\n',
        ("tests/streams", "tests/properties"),
    ),
    Fault(
        "no idempotence marker",
        "safety/app/store/sql.py",
        "        if insert_new(self._connection, markers, rows) != len(rows):",
        "        if insert_new(self._connection, markers, []) != 0:",
        ("tests/contracts/test_store.py", "tests/properties"),
    ),
    Fault(
        "offset without + 1 (memory)",
        "streams/memory.py",
        "record.offset + 1)",
        "record.offset)",
        ("tests/contracts/test_source.py", "tests/streams"),
    ),
    Fault(
        "offset without + 1 (Kafka)",
        "streams/kafka.py",
        "record.offset + 1)",
        "record.offset)",
        ("tests/contracts/test_source.py",),
    ),
    Fault(
        "dropped dead letter",
        "streams/consumer.py",
        "        self._dead_letters.send(letters)\n",
        "",
        ("tests/streams", "tests/properties"),
    ),
    Fault(
        "no lease",
        "safety/app/store/pages.py",
        "due_at=now + timedelta(seconds=lease_s),",
        "due_at=now,",
        ("tests/contracts/test_page_desk.py",),
    ),
    Fault(
        "naive time",
        "safety/app/store/tables.py",
        "return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)",
        "return value.replace(tzinfo=None)",
        ("tests/contracts", "tests/scenarios"),
    ),
    Fault(
        "no version guard on conversations",
        "safety/app/store/sql.py",
        "        if upsert_versioned(self._connection, conversations, rows) != len(rows):",
        "        if upsert_versioned(self._connection, conversations, rows) < 0:",
        ("tests/contracts/test_store.py",),
    ),
    Fault(
        "a repeat that does not say so",
        "safety/app/store/pages.py",
        'is_repeat=values["attempt"] > 0,',
        "is_repeat=False,",
        ("tests/contracts/test_page_desk.py", "tests/properties"),
    ),
    Fault(
        "silence on arrival time",
        "safety/core/watch.py",
        "    now, decisions = let_silence_pass(before, event.sent_at - grace, rules)",
        "    now, decisions = before, []",
        ("tests/core",),
    ),
    Fault(
        "training without consent",
        "safety/core/feedback.py",
        "        if verdict.consent is Consent.GIVEN\n",
        "        if verdict.consent is not Consent.REFUSED\n",
        ("tests/core/test_feedback.py", "tests/contracts/test_verdicts.py"),
    ),
    Fault(
        "a refusal that withdraws nothing",
        "safety/core/feedback.py",
        "                refused[subject] = verdict.id\n",
        "                refused[subject] = -1\n",
        ("tests/core/test_feedback.py", "tests/contracts/test_verdicts.py"),
    ),
    Fault(
        "reasons outlive their case",
        "safety/app/store/upkeep.py",
        "            .values(sealed=None)",
        "            .values(sealed=verdicts.c.sealed)",
        ("tests/contracts/test_verdicts.py",),
    ),
)


def main() -> int:
    """Plant each fault in turn; returns how many went unnoticed."""
    missed = 0
    for fault in FAULTS:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "project"
            shutil.copytree(
                ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "var", "__pycache__")
            )
            (copy / "var").symlink_to(ROOT / "var")
            plant(copy, fault)
            caught = run(copy, fault)
        missed += not caught
        print(f"{fault.name}: {caught or 'NOT CAUGHT'}", flush=True)
    return missed


def plant(copy: Path, fault: Fault) -> None:
    path = copy / fault.file
    text = path.read_text()
    if text.count(fault.before) != 1:
        raise SystemExit(f"{fault.name}: the place to plant it in {fault.file} has changed")
    path.write_text(text.replace(fault.before, fault.after))


def run(copy: Path, fault: Fault) -> str:
    """The first test that fails, or nothing."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *fault.tests]
    result = subprocess.run(
        command,
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", result.stdout, re.MULTILINE)
    return failed[1] if failed else ""


if __name__ == "__main__":
    raise SystemExit(1 if main() else 0)
