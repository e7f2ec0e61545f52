"""A scaled deployment on this machine: real broker, real PostgreSQL, real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from safety.core.clock import SystemClock
from tests import services
from tests.world import KEY

JIEZHU = [sys.executable, "-m", "safety"]


@dataclass
class Worker:
    """One process of `jiezhu`, restarted by whoever kills it."""

    arguments: list[str]
    env: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    sizes_kb: list[int] = field(default_factory=list)

    def start(self) -> None:
        self.starts += 1
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*JIEZHU, *self.arguments], env=self.env, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def cpu_s(self) -> float:
        """Processor seconds used so far."""
        assert self.process is not None
        return cpu_seconds(self.process.pid)

    def rss_kb(self) -> int:
        """Memory in use now."""
        assert self.process is not None
        try:
            text = Path(f"/proc/{self.process.pid}/status").read_text()
        except FileNotFoundError:
            return 0
        return next(
            (int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS")), 0
        )


@dataclass
class Deployment:
    """Broker, database and the environment of every process."""

    postgres: services.Postgres
    kafka: services.Kafka
    env: dict[str, str]
    folder: Path
    workers: list[Worker] = field(default_factory=list)

    def worker(self, *arguments: str, **env: str) -> Worker:
        """A process of this deployment, started."""
        name = "-".join(arguments).replace("/", "_")
        log = self.folder / f"{len(self.workers)}-{name[:40]}.log"
        worker = Worker(list(arguments), {**self.env, **env}, log)
        worker.start()
        self.workers.append(worker)
        return worker

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of this deployment, to its end."""
        return subprocess.run(
            [*JIEZHU, *arguments], env=self.env, capture_output=True, text=True, check=False
        )


@contextmanager
def deployed(folder: Path, **env: str) -> Iterator[Deployment]:
    """Everything up inside the block, everything gone after it."""
    postgres, kafka = services.Postgres(), services.Kafka()
    try:
        postgres.start()
        kafka.start()
        with services.fresh_database(postgres.url) as url:
            settings = {
                "JIEZHU_DATABASE_URL": url,
                "JIEZHU_KAFKA": kafka.bootstrap_servers,
                "JIEZHU_MASTER_KEY": KEY.get_secret_value(),
                "PYTHONUNBUFFERED": "1",
            }
            deployment = Deployment(postgres, kafka, {**os.environ, **settings, **env}, folder)
            try:
                yield deployment
            finally:
                for worker in deployment.workers:
                    worker.stop()
    finally:
        kafka.destroy()
        postgres.destroy()


def pause(seconds: float) -> None:
    """Real time passes."""
    SystemClock().sleep(seconds)


def cpu_seconds(pid: int) -> float:
    """Processor seconds of a process and of its children that ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def cpu_seconds_of(name: str) -> float:
    """Processor seconds of every process whose command line holds `name`."""
    total = 0.0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if name in (folder / "cmdline").read_text():
                    total += cpu_seconds(int(folder.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return total
