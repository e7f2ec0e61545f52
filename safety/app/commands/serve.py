"""`jiezhu serve`, `consume`, `dispatch`, `api`: the long-running processes."""

from __future__ import annotations

import gc
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
import uvicorn
from fastapi import FastAPI

from safety.app.api import create_app
from safety.app.api.feeds import FeedHub
from safety.app.api.ops import Health
from safety.app.intake import Intake, KafkaIntake, MemoryIntake
from safety.app.loops import Crew, Loop, patiently
from safety.app.outlets import open_outlet
from safety.app.player import play_samples
from safety.app.processes import LaggingSource, consume_loop, dispatch_loops
from safety.app.settings import Settings, read_settings
from safety.app.wiring import Parts, build, kafka_settings, make_topics
from safety.core.clock import SystemClock
from safety.core.errors import Misconfigured, Unavailable
from safety.core.ports import DeadLetters
from streams.kafka import KafkaDeadLetters, KafkaPublisher, KafkaSource
from streams.memory import MemoryStream


@click.command()
@click.option("--demo", is_flag=True, help="Play the built-in sample conversations.")
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one. [default: 8080]")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of database and key.")
def serve(demo: bool, host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Run everything in one process (the embedded default)."""
    settings = read_settings(host=host, port=port, data_dir=data_dir)
    settings.check_exposure()
    parts = patiently(lambda: build(settings), SystemClock())
    source, dead_letters, intake = patiently(lambda: open_stream(parts), parts.clock)
    loops = [consume_loop(parts, source, dead_letters)]
    loops += dispatch_loops(parts, open_outlet(settings, parts.clock))
    hub = FeedHub(parts.feed, parts.clock)
    loops.append(Loop("hub", hub.run_once, 0.2, parts.clock, parts.metrics))
    crew = Crew(loops)
    app = create_app(parts, intake, hub, Health(parts, crew.problems, crew.stuck))
    with bound_socket(settings) as (server_socket, address), running(crew, parts):
        click.echo(f"jiezhu serves on {address}")
        click.echo(f"  console  {address}/")
        click.echo(f"  events   POST {address}/v1/events")
        click.echo(f"  health   {address}/readyz")
        if demo:
            start_player(lambda: play_samples(intake, parts.clock))
        run_http(app, server_socket)


@click.command()
@click.option("--instance", help="Name of this worker, stable over restarts (static membership).")
@click.option("--ops-port", type=int, help="Serve health and metrics on this port of the host.")
def consume(instance: str | None, ops_port: int | None) -> None:
    """Read the Kafka stream; run any number of these."""
    settings = read_settings(kafka_instance=instance, ops_port=ops_port)
    _need_kafka(settings)
    parts = patiently(lambda: build(settings), SystemClock())
    source, dead_letters, _ = patiently(lambda: open_stream(parts), parts.clock)
    run_worker(parts, [consume_loop(parts, source, dead_letters)])


@click.command()
@click.option("--ops-port", type=int, help="Serve health and metrics on this port of the host.")
def dispatch(ops_port: int | None) -> None:
    """Page people, watch silences, relay cards and cases; run any number of these."""
    settings = read_settings(ops_port=ops_port)
    parts = patiently(lambda: build(settings), SystemClock())
    if settings.kafka:
        patiently(lambda: make_topics(settings), parts.clock)
    run_worker(parts, dispatch_loops(parts, open_outlet(settings, parts.clock)))


@click.command()
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on. [default: 8080]")
def api(host: str | None, port: int | None) -> None:
    """Serve the HTTP API and the console; run any number of these."""
    settings = read_settings(host=host, port=port)
    settings.check_exposure()
    _need_kafka(settings)
    parts = patiently(lambda: build(settings), SystemClock())
    publisher = KafkaPublisher(kafka_settings(settings))
    patiently(lambda: make_topics(settings), parts.clock)
    hub = FeedHub(parts.feed, parts.clock)
    crew = Crew([Loop("hub", hub.run_once, 0.2, parts.clock, parts.metrics)])
    intake = KafkaIntake(publisher, settings.kafka_topic)
    app = create_app(parts, intake, hub, Health(parts, crew.problems, crew.stuck))
    with bound_socket(settings) as (server_socket, address), running(crew, parts):
        click.echo(f"jiezhu api on {address}")
        run_http(app, server_socket)


def open_stream(parts: Parts) -> tuple[LaggingSource, DeadLetters, Intake]:
    """The stream this deployment reads, where its unreadable records go, and the way in."""
    settings = parts.settings
    if settings.embedded:
        stream = MemoryStream(settings.kafka_topic, capacity=settings.memory_records)
        intake = MemoryIntake(stream, settings.intake_timeout_s, parts.clock)
        return stream.source(settings.kafka_group), parts.dead_letters, intake
    kafka = kafka_settings(settings)
    make_topics(settings)
    return (
        KafkaSource(kafka),
        KafkaDeadLetters(kafka, settings.kafka_dead_topic),
        KafkaIntake(KafkaPublisher(kafka), settings.kafka_topic),
    )


def _need_kafka(settings: Settings) -> None:
    if settings.embedded:
        raise Misconfigured(
            "this part belongs to a scaled deployment: set JIEZHU_KAFKA to the brokers and"
            " JIEZHU_DATABASE_URL to a PostgreSQL, or run `jiezhu serve` for everything in one"
        )


def run_worker(parts: Parts, loops: list[Loop]) -> None:
    """Run loops until asked to stop, with health and metrics on the ops port if there is one."""
    crew = Crew(loops)
    if parts.settings.ops_port:
        app = create_app(parts, None, None, Health(parts, crew.problems, crew.stuck))
        settings = parts.settings.model_copy(update={"port": parts.settings.ops_port})
        with bound_socket(settings) as (server_socket, _), running(crew, parts):
            run_http(app, server_socket)
        return
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with running(crew, parts):
        stopped.wait()


@contextmanager
def running(crew: Crew, parts: Parts) -> Iterator[None]:
    """The crew at work inside the block; afterwards its sign of life is withdrawn."""
    # the glossary lives as long as the process: searching it for garbage took a fifth of the time
    gc.collect()
    gc.freeze()
    crew.start()
    try:
        yield
    finally:
        crew.stop()
        with suppress(Unavailable):  # then it is missed as if it had died: the honest reading
            parts.heartbeats.forget(parts.process)


@contextmanager
def bound_socket(settings: Settings) -> Iterator[tuple[socket.socket, str]]:
    """A listening socket and its address. Raises Misconfigured when the port is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as server_socket:
        server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server_socket.bind((settings.host, settings.port))
            server_socket.listen()  # whoever reads the address may call at once
        except OSError as error:
            raise Misconfigured(
                f"cannot listen on {settings.host} port {settings.port}: {error.strerror};"
                " choose another with --port"
            ) from None
        host = f"[{settings.host}]" if family == socket.AF_INET6 else settings.host
        yield server_socket, f"http://{host}:{server_socket.getsockname()[1]}"


def run_http(app: FastAPI, server_socket: socket.socket) -> None:
    """Serve until asked to stop. No access log: addresses and tokens stay out of logs."""
    config = uvicorn.Config(
        app,
        log_config=None,  # ours: it keeps the messages of foreign errors out
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
        lifespan="off",
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal that ended it once more; what comes after it must still run
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run(sockets=[server_socket])


def start_player(play: Callable[[], None]) -> None:
    """Play in the background."""
    threading.Thread(target=play, name="player", daemon=True).start()
