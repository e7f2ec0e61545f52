"""The real thing: a broker, a PostgreSQL, two consumers, a dispatcher, and SIGKILL on the way."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests import services
from tests.chaos import Phones, roster_file
from tests.conftest import give_up
from tests.deployment import JIEZHU, Deployment, deployed, pause

DIALOGUES = 120
TURNS = ("睡不着,想找人说说话", "我在听", "这几天一直很累", "愿意说说吗", "没什么,就是累")
DANGER = "我真的不想活了"


@pytest.fixture
def phones() -> Iterator[Phones]:
    taken = Phones()
    yield taken
    taken.close()


@pytest.fixture
def deployment(tmp_path: Path, phones: Phones) -> Iterator[Deployment]:
    env = {
        "JIEZHU_ROSTER_FILE": str(roster_file(tmp_path, phones.url)),
        "JIEZHU_WEBHOOK_SECRETS": orjson.dumps(["0123456789abcdef" * 2]).decode(),
    }
    try:
        with deployed(tmp_path, **env) as up:
            yield up
    except services.ServiceMissing as error:
        give_up(str(error))


def dialogues(path: Path) -> Path:
    """Every sixth of them is in danger."""
    lines = []
    for number in range(DIALOGUES):
        texts = (*TURNS, DANGER) if number % 6 == 0 else TURNS
        turns = [
            {"role": "listener" if index % 2 and text != DANGER else "client", "text": text}
            for index, text in enumerate(texts)
        ]
        lines.append(orjson.dumps({"id": f"n{number}", "turns": turns}))
    path.write_bytes(b"\n".join(lines))
    return path


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.timeout(240)
def test_killed_consumers_and_a_restarted_database_lose_nothing(
    deployment: Deployment, phones: Phones, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.txt"
    workers = [deployment.worker("consume", "--instance", f"c-{n}") for n in range(2)]
    deployment.worker("dispatch")
    file = dialogues(tmp_path / "dialogues.jsonl")
    replay = subprocess.Popen(
        [*JIEZHU, "replay", str(file), "--to=kafka", "--rate=60", f"--ledger={ledger}"],
        env=deployment.env,
    )
    for number in range(4):
        pause(2.5)
        workers[number % 2].kill()
        workers[number % 2].start()
        if number == 1:
            deployment.postgres.restart()
    assert replay.wait(60) == 0

    result = deployment.run("stress", f"--ledger={ledger}", "--patience=60")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "events lost        0" in result.stdout
    assert f"cases              {DIALOGUES // 6}, duplicate 0" in result.stdout
    pause(2)
    copies, unmarked = phones.rang_twice()
    assert unmarked == 0
    assert copies <= 1
    rang_for = {page["case_id"] for page in phones.pages}
    assert len(rang_for) == DIALOGUES // 6, "somebody was paged for everybody in danger"
    assert not any(DANGER in str(page) for page in phones.pages)
