"""`python -m tests.bench`: throughput, memory and latency on this machine, everything on it."""

from __future__ import annotations

import argparse
import resource
import tempfile
import threading
from pathlib import Path

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
    parser.add_argument("--card-p95", type=float)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        deployed(Path(folder), JIEZHU_BATCH=str(options.batch)) as deployment,
    ):
        measure(deployment, options)


def measure(deployment: Deployment, options: argparse.Namespace) -> None:
    """One run."""
    consumers = [
        deployment.worker("consume", "--instance", f"c{number}")
        for number in range(options.consumers)
    ]
    deployment.worker("dispatch")
    pause(8)
    conversations = round(options.rate * options.seconds / options.turns)
    arguments = [
        "stress",
        f"--conversations={conversations}",
        f"--turns={options.turns}",
        f"--rate={options.rate}",
        f"--risk={options.risk}",
    ]
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
    print(f"processor time {'stress (the load)':20} {stress_s:7.1f} s")
    for worker in consumers:
        peaks = worker.peaks_kb
        if peaks:
            first, last = peaks[len(peaks) // 4], peaks[-1]
            print(f"memory of a consumer: {first // 1024} MB early, {last // 1024} MB at the end")
    for worker in deployment.workers:
        text = worker.log.read_text()
        errors = [line for line in text.splitlines() if '"level": "error"' in line]
        if errors:
            print(worker.arguments, len(errors), "errors, the last:", errors[-1][:400])
    raise SystemExit(result.returncode)


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
            worker.peaks_kb.append(worker.rss_kb())


if __name__ == "__main__":
    main()
