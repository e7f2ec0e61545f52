"""`python -m tests.chaos FILE`: real processes killed at random moments, and a count of the lost.

Replays dialogues through a real broker to two `consume` processes on PostgreSQL, with SIGKILL,
broker restarts and database restarts on the way, then lets `jiezhu stress` audit the ledger.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import tempfile
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import yaml

from tests.deployment import JIEZHU, Deployment, deployed, pause

PEOPLE = (
    ("counsellor-1", "counsellor"),
    ("counsellor-2", "counsellor"),
    ("counsellor-3", "counsellor"),
    ("supervisor-1", "supervisor"),
    ("manager-1", "duty_manager"),
    ("lead-1", "lead"),
)


class Phones:
    """Takes every page by webhook and remembers it, as a vendor would."""

    def __init__(self) -> None:
        self.pages: list[dict[str, Any]] = []
        phones = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                phones.pages.append(orjson.loads(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/page"

    def rang_twice(self) -> tuple[int, int]:
        """How many rings were copies of an earlier one, and how many of those did not say so."""
        times = Counter(page["page_id"] for page in self.pages)
        copies = sum(count - 1 for count in times.values())
        firsts = Counter(page["page_id"] for page in self.pages if not page["is_repeat"])
        return copies, sum(count - 1 for count in firsts.values() if count > 1)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def roster_file(folder: Path, url: str) -> Path:
    """Everybody on duty, everybody reached by webhook."""
    people = [
        {"id": name, "name": name, "duties": [duty], "contacts": {"webhook": url}}
        for name, duty in PEOPLE
    ]
    path = folder / "roster.yaml"
    path.write_text(yaml.safe_dump({"people": people}))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--dialogues", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--restarts", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    phones = Phones()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with deployed(
            folder,
            JIEZHU_ROSTER_FILE=str(roster_file(folder, phones.url)),
            JIEZHU_WEBHOOK_SECRETS=orjson.dumps(["0123456789abcdef" * 2]).decode(),
        ) as deployment:
            code = play(deployment, options, phones)
    phones.close()
    raise SystemExit(code)


def play(deployment: Deployment, options: argparse.Namespace, phones: Phones) -> int:
    """One run; returns the exit code of the audit, or 1 when phones rang twice unmarked."""
    ledger = deployment.folder / "ledger.txt"
    workers = [deployment.worker("consume", "--instance", f"chaos-{n}") for n in range(2)]
    deployment.worker("dispatch")
    pause(5)
    replay = subprocess.Popen(
        [
            *JIEZHU,
            "replay",
            str(options.file),
            "--to=kafka",
            f"--rate={options.rate}",
            f"--limit={options.dialogues}",
            f"--ledger={ledger}",
        ],
        env=deployment.env,
    )
    dice = random.Random(options.seed)
    plan = ["kill"] * options.kills + ["broker", "database"] * options.restarts
    dice.shuffle(plan)
    done: Counter[str] = Counter()
    for act in plan:
        pause(dice.uniform(1.0, 6.0))
        if act == "kill":
            worker = dice.choice(workers)
            worker.kill()
            worker.start()
        elif act == "broker":
            deployment.kafka.restart()
        else:
            deployment.postgres.restart()
        done[act] += 1
        print(
            f"{act}; so far {dict(done)}; replay {'runs' if replay.poll() is None else 'is done'}"
        )
    if replay.wait() != 0:
        print("the replay did not succeed")
        return 1
    result = deployment.run("stress", f"--ledger={ledger}", "--patience=120")
    print(result.stdout, result.stderr[-3000:])
    pause(3)
    copies, unmarked = phones.rang_twice()
    print(f"phones: {len(phones.pages)} rings, {copies} copies, {unmarked} of them unmarked")
    return result.returncode or (1 if unmarked else 0)


if __name__ == "__main__":
    main()
