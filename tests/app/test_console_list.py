"""The console's list of cases, in a real browser."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.app.console_desk import Desk, Site, levels, row

pytestmark = pytest.mark.browser


def test_cases_appear_live_most_urgent_first(desk: Desk, site: Site) -> None:
    page = desk.page()
    expect(page.locator("#empty")).to_contain_text("现在没有打开的个案")
    expect(page.locator("#link")).to_have_text("监测连接正常")
    for case_id, level in [("a", "P2"), ("b", "P0"), ("c", "P3"), ("d", "P1"), ("e", "P0")]:
        site.stub.open(case_id, level, ago_s=600 if case_id == "e" else 30)
    expect(page.locator("#open-cases > li")).to_have_count(5)
    assert levels(page) == ["P0", "P0", "P1", "P2", "P3"]
    assert page.locator("#open-cases > li").first.get_attribute("data-case") == "e"
    first = row(page, "b")
    expect(first.locator(".badge")).to_have_text("P0 即刻")
    expect(first.locator(".badge svg path")).to_have_count(1)
    expect(first).to_contain_text(f"#{site.stub.cases['b']['number']}")
    expect(first).to_contain_text("无人接单")
    expect(first).to_contain_text(re.compile(r"\d+ 秒后再叫人"))
    expect(first).to_contain_text("叫过 counsellor-1、counsellor-2")
    expect(page.locator("#empty")).to_be_hidden()
    expect(page).to_have_title(re.compile(r"^\(3\) "))
    expect(page.locator("#live")).to_contain_text("P0")
    site.stub.open("c", "P0", ago_s=5)
    expect(row(page, "c").locator(".badge")).to_have_text("P0 即刻")
    assert levels(page) == ["P0", "P0", "P0", "P1", "P2"]


def test_the_clock_ticks_and_a_missed_page_is_said(desk: Desk, site: Site) -> None:
    late = (datetime.now(UTC) - timedelta(seconds=90)).isoformat()
    site.stub.open("a", "P0", ago_s=100, next_page_at=late)
    page = desk.page()
    age = row(page, "a").locator(".age")
    expect(age).to_have_text(re.compile(r"^已开 1:4\d$"))
    seen = age.inner_text()
    expect(age).not_to_have_text(seen)
    expect(row(page, "a").locator(".next")).to_contain_text("就该叫人，还没有叫")


def test_hundreds_of_cases_keep_their_rows(desk: Desk, site: Site) -> None:
    for i in range(400):
        site.stub.open(f"n{i}", f"P{1 + i % 3}", ago_s=30 + i)
    page = desk.page()
    expect(page.locator("#open-cases > li")).to_have_count(400)
    row(page, "n399").locator("a").focus()
    page.eval_on_selector_all("#open-cases > li", "rows => rows.forEach(row => row.marked = 1)")
    site.stub.open("new", "P0")
    site.stub.open("n399", "P0", ago_s=1)
    expect(page.locator("#open-cases > li")).to_have_count(401)
    expect(row(page, "n399").locator(".badge")).to_have_text("P0 即刻")
    kept = page.eval_on_selector_all(
        "#open-cases > li", "rows => rows.filter(row => row.marked).length"
    )
    assert kept == 400
    assert levels(page) == sorted(levels(page))
    expect(row(page, "n399").locator("a")).to_be_focused()


def test_a_row_that_just_moved_takes_no_tap(desk: Desk, site: Site) -> None:
    site.stub.open("a", "P1")
    page = desk.page()
    expect(row(page, "a")).to_be_visible()
    page.wait_for_timeout(600)
    taps = """() => new Promise(done => {
        new MutationObserver(() => setTimeout(() => {
            const button = document.querySelector('li[data-case="new"] .accept');
            const box = button.getBoundingClientRect();
            const hit = document.elementFromPoint(box.x + 5, box.y + 5);
            setTimeout(() => done([hit === button, document.elementFromPoint(
                box.x + 5, box.y + 5) === button]), 600);
        }, 50)).observe(document.querySelector('#open-cases'), {childList: true});
    })"""
    page.evaluate(f"void (window.taps = ({taps})())")
    site.stub.open("new", "P0")
    assert page.evaluate("window.taps") == [False, True]
