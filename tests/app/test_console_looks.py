"""How the console looks and reads, in a real browser."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.app.console_desk import Desk, Site, choose
from tests.app.console_stub import CONSOLE, Stub

pytestmark = pytest.mark.browser


CONTRAST = """() => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const rgb = colour => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = node => {
        for (; node; node = node.parentElement) {
            const colour = rgb(getComputedStyle(node).backgroundColor);
            if (colour[3] === 255) return colour;
        }
        return [255, 255, 255, 255];
    };
    const weak = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const node = walk.currentNode.parentElement;
        if (!walk.currentNode.data.trim() || !node.checkVisibility()) continue;
        if (node.matches('.unseen')) continue;
        const [a, b] = [light(rgb(getComputedStyle(node).color)), light(ground(node))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) weak.push(`${ratio.toFixed(2)} ${walk.currentNode.data.trim()}`);
    }
    return weak;
}"""
SMALL = """() => [...document.querySelectorAll('button, .button, summary, input, textarea')]
    .filter(node => node.checkVisibility() && !node.matches('[type=radio]'))
    .filter(node => node.getBoundingClientRect().height < 44)
    .map(node => node.id || node.textContent)"""
FITS = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"


def assert_kind_to_the_eye(page: Page) -> None:
    assert page.evaluate(FITS)
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate(SMALL) == []


def fill(stub: Stub) -> None:
    """Six cases of every kind, two cards, and a story."""
    soon = (datetime.now(UTC) + timedelta(seconds=48)).isoformat()
    stub.open("first", "P0", ago_s=42, number="7F3A", next_page_at=soon)
    stub.tell("first", "ladder", "too_few_on_duty:counsellor")
    stub.open("second", "P0", ago_s=190, number="02BC", status="acknowledged", owner="counsellor-2")
    stub.open("third", "P1", ago_s=400, number="A11E", owner="counsellor-3")
    stub.open("fourth", "P1", ago_s=4000, number="99D0", status="taken", owner="supervisor-1")
    late = (datetime.now(UTC) - timedelta(seconds=75)).isoformat()
    stub.open("fifth", "P2", ago_s=1200, number="5C5C", next_page_at=late)
    stub.open("sixth", "P3", ago_s=90_000, number="0E42")
    stub.card("我在这儿陪你。先离边上远一点，往里走，背靠墙坐下，好吗？")
    stub.card("坐下来了吗？背后靠着墙了，就跟我说一声。")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_it_reads_well_everywhere(
    desk: Desk, site: Site, tmp_path: Path, *, phone: bool, dark: bool
) -> None:
    stub = site.stub
    fill(stub)
    shots = Path(os.environ.get("JIEZHU_CONSOLE_SHOTS", str(tmp_path)))
    name = f"console-{'320' if phone else '1280'}-{'dark' if dark else 'light'}"
    page = desk.page(phone=phone, dark=dark)
    expect(page.locator("#link")).to_have_text("监测连接正常")
    expect(page.locator("#open-cases > li")).to_have_count(6)
    page.wait_for_timeout(400)
    assert_kind_to_the_eye(page)
    page.screenshot(path=shots / f"{name}-list.png")
    choose(page, "first")
    expect(page.locator("#cards li")).to_have_count(2)
    page.screenshot(path=shots / f"{name}-case.png")
    page.locator("#lower-open").click()
    assert_kind_to_the_eye(page)
    page.screenshot(path=shots / f"{name}-lower.png")
    page.locator("#close-open").click()
    page.get_by_role("button", name="确定结案").click()
    page.locator("#words-why").evaluate("field => field.closest('form').hidden = false")
    assert_kind_to_the_eye(page)
    page.screenshot(path=shots / f"{name}-all.png", full_page=True)
    stub.findings = ["consume: silent for 31 seconds", "database: connection refused"]
    expect(page.locator("#outage")).to_be_visible(timeout=10_000)
    assert_kind_to_the_eye(page)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=shots / f"{name}-outage.png")


def test_the_empty_page_reads_well_too(desk: Desk, tmp_path: Path) -> None:
    shots = Path(os.environ.get("JIEZHU_CONSOLE_SHOTS", str(tmp_path)))
    for phone in (False, True):
        page = desk.page(phone=phone, person="")
        expect(page.locator("#empty")).to_contain_text("现在没有打开的个案")
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        assert_kind_to_the_eye(page)
        page.screenshot(path=shots / f"console-{'320' if phone else '1280'}-empty.png")


def test_no_word_promises_that_anybody_is_safe() -> None:
    for path in CONSOLE.iterdir():
        assert not re.search(r"安全|无风险|低风险|放心|没事", path.read_text("utf-8")), path.name


def test_nothing_comes_from_outside_and_nothing_becomes_markup() -> None:
    script = "".join(path.read_text("utf-8") for path in CONSOLE.glob("*.js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)
    for path in CONSOLE.iterdir():
        found = re.findall(r"https?://[^\s'\"]+", path.read_text("utf-8"))
        assert set(found) <= {"http://www.w3.org/2000/svg"}, path.name
