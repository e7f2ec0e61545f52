"""The console's connection to the monitor, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.app.console_desk import Desk, Site, choose, row, wait_until

pytestmark = pytest.mark.browser


def test_cards_resume_after_a_cut_and_show_nothing_twice(desk: Desk, site: Site) -> None:
    stub = site.stub
    stub.open("a", "P0")
    stub.card("我在这儿陪你。")
    stub.card("坐下来了吗？")
    page = desk.page()
    choose(page, "a")
    expect(page.locator("#cards li")).to_have_count(2)
    expect(page.locator("#cards li").first).to_contain_text("坐下来了吗？")
    expect(page.locator("#cards li").first).to_contain_text("别说")
    stub.cuts += 1
    wait_until(lambda: len(stub.resumed) > 1, page)
    stub.card("你能看见什么招牌？")
    expect(page.locator("#cards li")).to_have_count(3)
    assert stub.resumed == ["", "2"]
    stub.repeats_cards = True
    stub.cuts += 1
    wait_until(lambda: len(stub.resumed) > 2, page)
    stub.card("这会儿旁边有没有人？")
    expect(page.locator("#cards li")).to_have_count(4)
    seqs = page.eval_on_selector_all("#cards li", "all => all.map(li => li.dataset.seq)")
    assert seqs == ["4", "3", "2", "1"]


def test_a_lost_connection_is_said_and_made_good(desk: Desk, site: Site) -> None:
    stub = site.stub
    stub.open("a", "P1")
    stub.open("b", "P2")
    page = desk.page()
    expect(page.locator("#link")).to_have_text("监测连接正常")
    expect(page.locator("#open-cases > li")).to_have_count(2)
    stub.down = True
    stub.cuts += 1
    expect(page.locator("#link")).to_have_text("正在重连…")
    expect(page.locator("#stale")).to_contain_text("可能已经变了")
    stub.change("a", status="closed", owner="counsellor-2")
    stub.open("c", "P0")
    stub.down = False
    expect(page.locator("#open-cases > li").first).to_have_attribute("data-case", "c")
    expect(page.locator("#link")).to_have_text("监测连接正常", timeout=15_000)
    expect(row(page, "a")).to_have_count(0)
    expect(page.locator("#open-cases > li")).to_have_count(2)
    expect(page.locator("#stale")).to_be_hidden()


def test_a_monitor_that_is_not_ready_shows_a_banner(desk: Desk, site: Site) -> None:
    page = desk.page()
    expect(page.locator("#link")).to_have_text("监测连接正常")
    expect(page.locator("#outage")).to_be_hidden()
    site.stub.findings = ["consume: silent for 31 seconds", "classifier: gone fishing"]
    expect(page.get_by_role("alert").filter(has_text="监测中断")).to_be_visible(timeout=10_000)
    expect(page.locator("#findings li")).to_have_text(
        ["读消息的进程已经 31 秒没有动静", "classifier: gone fishing"]
    )
    expect(page.locator("#link")).to_have_text("监测中断")
    expect(page.locator("#empty")).to_contain_text("新的情况不会出现在这里")
    site.stub.findings = []
    expect(page.locator("#outage")).to_be_hidden(timeout=10_000)
    expect(page.locator("#link")).to_have_text("监测连接正常")


def test_a_token_is_asked_for_only_when_needed(desk: Desk, site: Site) -> None:
    site.stub.open("a", "P0")
    open_page = desk.page()
    expect(row(open_page, "a")).to_be_visible()
    expect(open_page.locator("#token-form")).to_be_hidden()
    site.stub.token = "secret"
    page = desk.page()
    expect(page.locator("#token-form")).to_be_visible()
    expect(page.locator("#empty")).to_contain_text("要先填访问令牌")
    page.get_by_label("访问令牌").fill("secret")
    page.get_by_label("访问令牌").press("Enter")
    expect(row(page, "a")).to_be_visible()
    expect(page.locator("#token-form")).to_be_hidden()
    row(page, "a").get_by_role("button", name="接单").click()
    expect(page.locator("#case-status")).to_have_text("已接单")
