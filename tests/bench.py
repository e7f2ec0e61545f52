"""`python -m tests.bench`: throughput, memory and latency on this machine, everything on it."""

from __future__ import annotations

import argparse
import resource
import tempfile
import threading
from pathlib import Path

import orjson

from safety.app.load import load
from safety.app.player import stamped
from safety.core.clock import SystemClock
from tests.deployment import Deployment, Worker, cpu_seconds_of, deployed, pause


def main() -> None:
    """Run the load, print the report of `jiezhu stress` and the consumers' memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--consumers", type=int, default=2)
    parser.add_argument("--rate", type=float, default=6000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--risk", type=float, default=0.01)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--min-rate", type=float)
    parser.add_argument(
        "--preload", action="store_true", help="send everything first, then start the consumers"
    )
    parser.add_argument("--card-p95", type=float)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        deployed(Path(folder), JIEZHU_BATCH=str(options.batch)) as deployment,
    ):
        measure(deployment, options)


def measure(deployment: Deployment, options: argparse.Namespace) -> None:
    """One run."""
    conversations = round(options.rate * options.seconds / options.turns)
    arguments = ["stress", "--patience=120"]
    if options.preload:
        ledger = preload(deployment, conversations, options)
        arguments.append(f"--ledger={ledger}")
    else:
        arguments += [
            f"--conversations={conversations}",
            f"--turns={options.turns}",
            f"--rate={options.rate}",
            f"--risk={options.risk}",
        ]
    consumers = [
        deployment.worker("consume", "--instance", f"c{number}")
        for number in range(options.consumers)
    ]
    deployment.worker("dispatch")
    if not options.preload:
        pause(8)
    if options.min_rate:
        arguments.append(f"--min-rate={options.min_rate}")
    if options.card_p95:
        arguments.append(f"--card-p95={options.card_p95}")
    done = threading.Event()
    watcher = threading.Thread(target=watch_memory, args=(consumers, done))
    watcher.start()
    before = spent(deployment)
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = deployment.run(*arguments)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    done.set()
    watcher.join()
    print(result.stdout, result.stderr[-2000:])
    for name, seconds in spent(deployment).items():
        print(f"processor time {name:20} {seconds - before[name]:7.1f} s")
    stress_s = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
    print(f"processor time {'stress':20} {stress_s:7.1f} s")
    tell_of(deployment, consumers)
    raise SystemExit(result.returncode)


def preload(deployment: Deployment, conversations: int, options: argparse.Namespace) -> Path:
    """Send the whole load while nobody reads; returns the ledger."""
    file, ledger = deployment.folder / "load.jsonl", deployment.folder / "ledger.txt"
    events = load("bench", conversations, options.turns, options.risk, seed=1)
    at = SystemClock().now()
    with file.open("wb") as lines:
        for event in events:
            lines.write(orjson.dumps(stamped(event, at)) + b"\n")
    sent = deployment.run(
        "replay", str(file), "--to=kafka", "--rate=1000000", "--interleave=1000000",
        f"--ledger={ledger}",
    )  # fmt: skip
    print(sent.stdout.strip(), sent.stderr[-500:])
    return ledger


def tell_of(deployment: Deployment, consumers: list[Worker]) -> None:
    """Memory early and late, and whether anything went wrong on the way."""
    for worker in consumers:
        sizes = worker.sizes_kb
        if sizes:
            early, late = sizes[len(sizes) // 4], sizes[-1]
            print(f"memory of a consumer: {early // 1024} MB early, {late // 1024} MB at the end")
    for worker in deployment.workers:
        lines = worker.log.read_text().splitlines()
        errors = [line for line in lines if '"level": "error"' in line and '"library"' not in line]
        if errors:
            print(worker.arguments, len(errors), "errors, the last:", errors[-1][:400])


def spent(deployment: Deployment) -> dict[str, float]:
    """Processor seconds so far, by what spent them."""
    seconds = {
        f"{number} {worker.arguments[0]}": worker.cpu_s()
        for number, worker in enumerate(deployment.workers)
    }
    seconds["PostgreSQL"] = cpu_seconds_of("postgres")
    seconds["Kafka"] = cpu_seconds_of("kafka.Kafka")
    return seconds


def watch_memory(workers: list[Worker], done: threading.Event) -> None:
    while not done.wait(1.0):
        for worker in workers:
            worker.sizes_kb.append(worker.rss_kb())


if __name__ == "__main__":
    main()
