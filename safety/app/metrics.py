"""Every metric's name, in one typed place. No label ever holds a person's words or name."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The process's metrics on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._of_the_stream(self.registry)
        self._of_people(self.registry)
        self._of_the_process(self.registry)

    def _of_the_stream(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "jiezhu_events", "Events handled for the first time", registry=registry
        )
        self.repeats = Counter(
            "jiezhu_events_repeated", "Redelivered events that changed nothing", registry=registry
        )
        self.dead_letters = Counter(
            "jiezhu_dead_letters", "Records that are not events", ["reason"], registry=registry
        )
        # what nobody has read must show as a rise from zero, not appear as a one
        self.dead_letters.labels("unhandled")
        self.unknown_fields = Counter(
            "jiezhu_unknown_fields", "Fields that no event type knows", registry=registry
        )
        self.degraded = Counter(
            "jiezhu_assessments_degraded", "Assessments made without every part", registry=registry
        )
        self.batch_seconds = Histogram(
            "jiezhu_batch_seconds",
            "From polled to offset committed, per batch",
            buckets=SECONDS,
            registry=registry,
        )
        self.event_age_seconds = Histogram(
            "jiezhu_event_age_seconds",
            "From an event's own time to its effects being durable",
            buckets=SECONDS,
            registry=registry,
        )
        self.lag = Gauge(
            "jiezhu_stream_lag_records", "Records waiting in the stream", registry=registry
        )

    def _of_people(self, registry: CollectorRegistry) -> None:
        self.decisions = Counter(
            "jiezhu_decisions", "Decisions by the level they call for", ["level"], registry=registry
        )
        self.verdicts = Counter(
            "jiezhu_verdicts", "Verdicts of counsellors on readings", ["verdict"], registry=registry
        )
        self.cards = Counter("jiezhu_cards", "Cards pushed to listeners", registry=registry)
        self.pages = Counter(
            "jiezhu_pages",
            "Tries to reach a person, by what came of them",
            ["channel", "outcome"],
            registry=registry,
        )

    def _of_the_process(self, registry: CollectorRegistry) -> None:
        self.published = Counter(
            "jiezhu_published", "Letters that left through the outbox", registry=registry
        )
        self.failures = Counter(
            "jiezhu_loop_failures",
            "Rounds of a loop that failed and will be tried again",
            ["loop", "kind"],
            registry=registry,
        )
        self.loop_age_seconds = Gauge(
            "jiezhu_loop_last_success_timestamp_seconds",
            "When each loop last finished a round",
            ["loop"],
            registry=registry,
        )
