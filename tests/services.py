"""Real services for tests: PostgreSQL and Apache Kafka on loopback, each on a port of its own.

`python -m tests.services up` starts both and prints the environment, `env` prints it again, `down`
ends them. `JIEZHU_TEST_DATABASE_URL` and `JIEZHU_TEST_KAFKA` name others.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

VAR = Path(__file__).resolve().parent.parent / "var"
STATE = VAR / "services.json"
DATABASE_URL = "JIEZHU_TEST_DATABASE_URL"
KAFKA = "JIEZHU_TEST_KAFKA"
KAFKA_VERSION = "4.1.0"
DEADLINE_S = 60.0


class ServiceMissing(Exception):
    """This machine cannot provide the service; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Given:
    """A service that was running before the tests: it has an address, and nobody here ends it."""

    url: str
    bootstrap_servers: str


class Server(ABC):
    """A process with a port and a folder that outlive its restarts."""

    name: str

    def __init__(self, *, leashed: bool = True) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"jiezhu-{self.name}-"))
        self.pid = 0
        self._leashed = leashed
        self._process: subprocess.Popen[bytes] | None = None
        self._leash: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def check_ready(self) -> None:
        """Return when the service answers; raise OSError otherwise."""

    def start(self) -> None:
        """Start, and return when it answers."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            if self._process is None or self._process.poll() is not None:
                self._launch()
            try:
                self.check_ready()
            except OSError:
                if time.monotonic() > deadline:
                    raise ServiceMissing(f"{self.name}: {self._last_words()}") from None
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End it as a power cut would end the process."""
        self._signal(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def destroy(self) -> None:
        """Take everything away."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _launch(self) -> None:
        self._drop_leash()
        with (self.folder / "log").open("ab") as log:
            streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            self._process = subprocess.Popen(
                self.command(), **streams, cwd=self.folder, start_new_session=True
            )
        self.pid = self._process.pid
        if self._leashed:
            self._leash = leash(self.pid, self.folder)

    def _signal(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(timeout=DEADLINE_S / 2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._drop_leash()

    def _drop_leash(self) -> None:
        held, self._leash = self._leash, None
        if held is not None:
            held.kill()
            held.communicate()

    def _last_words(self) -> str:
        lines = (self.folder / "log").read_text(errors="replace").splitlines()
        return " | ".join(lines[-5:]) or "no answer"


class Postgres(Server):
    """A PostgreSQL server. `fast` gives up durability, for tests that do not pull plugs."""

    name = "postgres"

    def __init__(self, *, fast: bool = False, leashed: bool = True) -> None:
        self._bin = postgres_bin()
        super().__init__(leashed=leashed)
        self._fast = fast
        self._data = self.folder / "data"
        self._user = unprivileged_user()
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        options = ["-U", "jiezhu", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        initdb = [f"{self._bin}/initdb", "-D", str(self._data), *options]
        run([*self._as_user(), *initdb], cwd=self.folder)

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            "shared_buffers": "64MB",
        }
        if self._fast:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [*self._as_user(), f"{self._bin}/postgres", "-D", str(self._data), *options]

    @property
    def url(self) -> str:
        """The maintenance database, as SQLAlchemy writes it."""
        return f"postgresql+psycopg://jiezhu@127.0.0.1:{self.port}/postgres"

    def check_ready(self) -> None:
        try:
            psycopg.connect(plain(self.url), connect_timeout=2).close()
        except psycopg.OperationalError as error:
            raise OSError from error

    def _as_user(self) -> list[str]:
        if self._user is None:
            return []
        ids = [f"--reuid={self._user.pw_uid}", f"--regid={self._user.pw_gid}"]
        return ["setpriv", *ids, "--clear-groups"]


class Kafka(Server):
    """One Kafka broker that is its own controller."""

    name = "kafka"

    def __init__(self, *, leashed: bool = True) -> None:
        self._libs = kafka_libs()
        super().__init__(leashed=leashed)
        self._config = self.folder / "server.properties"
        self._config.write_text(self._properties(free_port()))
        cluster_id = "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
        options = ["format", "-t", cluster_id, "-c", str(self._config)]
        run([*self._java("128m"), "kafka.tools.StorageTool", *options], cwd=self.folder)

    def command(self) -> list[str]:
        return [*self._java("512m"), "kafka.Kafka", str(self._config)]

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def check_ready(self) -> None:
        socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        place = self.bootstrap_servers
        try:
            with contextlib.closing(
                KafkaAdminClient(bootstrap_servers=place, bootstrap_timeout_ms=2000)
            ) as admin:
                admin.list_topics()
        except KafkaError as error:
            raise OSError from error

    def _java(self, heap: str) -> list[str]:
        return ["java", f"-Xmx{heap}", "-XX:+UseSerialGC", "-cp", f"{self._libs}/*"]

    def _properties(self, controller_port: int) -> str:
        lines = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
        }
        return "".join(f"{name}={value}\n" for name, value in lines.items())


@contextlib.contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """An empty database on the server behind `url`, gone afterwards; gives its URL."""
    name = f"t_{secrets.token_hex(6)}"
    with psycopg.connect(plain(url), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    base, _, query = url.partition("?")
    try:
        yield base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
    finally:
        with psycopg.connect(plain(url), autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def plain(url: str) -> str:
    """A URL as psycopg takes it, from one as SQLAlchemy takes it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def leash(pid: int, folder: Path) -> subprocess.Popen[bytes]:
    """A shell that waits for this process to end, however it ends, and then clears up."""
    script = 'read _; kill -9 "-$1" 2>/dev/null; rm -rf -- "$2"'
    return subprocess.Popen(
        ["sh", "-c", script, "leash", str(pid), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def run(command: list[str], cwd: Path | None = None) -> None:
    """Run to the end; ServiceMissing with the last lines if that fails."""
    try:
        subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, timeout=600)
    except FileNotFoundError:
        raise ServiceMissing(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise ServiceMissing(f"{command[0]} took too long") from None
    except subprocess.CalledProcessError as error:
        tail = " | ".join((error.stdout + error.stderr).splitlines()[-5:])
        raise ServiceMissing(f"{Path(command[0]).name}: {tail}") from None


def postgres_bin() -> Path:
    """The folder of PostgreSQL's programs; Debian's package is installed where we may."""
    for _ in range(2):
        found = shutil.which("initdb")
        if found:
            return Path(found).resolve().parent
        versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
        if versions:
            return versions[0].parent
        apt_install("postgresql")
    raise ServiceMissing("PostgreSQL's initdb is not installed")


def apt_install(*packages: str) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ServiceMissing(f"not installed, and not allowed to install: {' '.join(packages)}")
    run(["apt-get", "update", "-qq"])
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages])


def unprivileged_user() -> pwd.struct_passwd | None:
    """Whom PostgreSQL runs as when we are root, which it refuses; None when we are not."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def kafka_libs() -> Path:
    """Kafka's jars, fetched by Maven once and kept under `var/`."""
    home = VAR / f"kafka-{KAFKA_VERSION}"
    home.mkdir(parents=True, exist_ok=True)
    if shutil.which("java") is None:
        apt_install("openjdk-17-jre-headless")
    libs = home / "libs"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not libs.exists():
            if shutil.which("mvn") is None:
                apt_install("maven")
            fetch_kafka(home, libs)
    return libs


def fetch_kafka(home: Path, libs: Path) -> None:
    (home / "pom.xml").write_text(
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>jiezhu</groupId><artifactId>broker</artifactId><version>1</version>"
        "<dependencies><dependency><groupId>org.apache.kafka</groupId>"
        f"<artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version>"
        "</dependency></dependencies></project>\n"
    )
    partly = home / "partly"
    shutil.rmtree(partly, ignore_errors=True)
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime"]
    run(["mvn", "-q", "-B", *goal, f"-DoutputDirectory={partly}"], cwd=home)
    partly.rename(libs)


def up() -> dict[str, str]:
    """Start both, to stay; what belongs into the environment of tests."""
    if STATE.exists():
        raise SystemExit("already up: python -m tests.services down")
    servers: list[Server] = []
    try:
        servers.append(postgres := Postgres(leashed=False))
        servers.append(kafka := Kafka(leashed=False))
        for server in servers:
            server.start()
    except ServiceMissing as error:
        for server in servers:
            server.destroy()
        raise SystemExit(str(error)) from None
    env = {DATABASE_URL: postgres.url, KAFKA: kafka.bootstrap_servers}
    places = [[server.pid, str(server.folder)] for server in servers]
    STATE.write_text(json.dumps({"env": env, "places": places}))
    return env


def down() -> dict[str, str]:
    """End what `up` started; nothing is left for the environment."""
    if STATE.exists():
        for pid, folder in json.loads(STATE.read_text())["places"]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(folder, ignore_errors=True)
        STATE.unlink()
    return {}


def main(arguments: list[str]) -> None:
    match arguments:
        case ["up"]:
            env = up()
        case ["env"] if STATE.exists():
            env = json.loads(STATE.read_text())["env"]
        case ["down"]:
            env = down()
        case _:
            raise SystemExit("usage: python -m tests.services up|down|env")
    sys.stdout.writelines(f"export {name}={value}\n" for name, value in env.items())


if __name__ == "__main__":
    main(sys.argv[1:])
