"""What a newcomer sees: one command, and within a minute a page on the terminal and a card."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser import chromium
from tests.deployment import JIEZHU, pause


class Demo:
    """`jiezhu serve --demo` as a process, and what it printed."""

    def __init__(self, folder: Path) -> None:
        env = {name: value for name, value in os.environ.items() if "JIEZHU" not in name}
        self.process = subprocess.Popen(
            [*JIEZHU, "serve", "--demo", "--port=0", f"--data-dir={folder}"],
            env={**env, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def wait_for(self, pattern: str, seconds: float) -> re.Match[str]:
        """The first printed line that matches."""
        for _ in range(round(seconds * 10)):
            for line in self.lines:
                if found := re.search(pattern, line):
                    return found
            pause(0.1)
        raise AssertionError(f"nothing printed matches {pattern}: {self.lines}")

    def stop(self) -> int:
        self.process.terminate()
        code = self.process.wait(30)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    running = Demo(tmp_path / "data")
    yield running
    running.stop()


@pytest.fixture
def screen() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 320, "height": 640})


@pytest.mark.browser
@pytest.mark.timeout(180)
def test_within_a_minute_the_rooftop_pages_two_people_and_shows_a_card(
    demo: Demo, screen: Page
) -> None:
    address = demo.wait_for(r"console\s+(http://\S+?)/$", 20)[1]
    screen.goto(address)
    for person in ("counsellor-1", "counsellor-2"):
        demo.wait_for(rf"{person} 【接住】P0 #\w{{4}}", 60)
    cases = httpx.get(f"{address}/v1/cases").json()
    rooftop = next(case for case in cases if case["level"] == "P0")
    assert rooftop["conversation_id"].startswith("demo-roof")
    assert not any("laugh" in case["conversation_id"] for case in cases), "laughing opens no case"

    row = screen.locator(f"[data-case='{rooftop['case_id']}']").first
    expect(row).to_be_visible(timeout=10_000)
    assert card_of(address, rooftop["conversation_id"], "roof")["level"] == "P0"
    assert httpx.get(f"{address}/readyz").json()["ready"]
    assert screen.evaluate("document.documentElement.scrollWidth") <= 320

    acted = httpx.post(
        f"{address}/v1/cases/{rooftop['case_id']}/acknowledge", json={"person": "counsellor-1"}
    )
    assert acted.json()["status"] == "acknowledged"
    expect(row).to_have_attribute("data-status", "acknowledged", timeout=10_000)
    assert demo.stop() == 0


def card_of(address: str, conversation: str, flow: str) -> dict[str, str]:
    """The first card of this flow in the conversation's feed."""
    with httpx.stream("GET", f"{address}/v1/conversations/{conversation}/cards") as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                card: dict[str, str] = json.loads(line.removeprefix("data: "))
                if card["flow"] == flow:
                    return card
    raise AssertionError("the feed ended without a card")
