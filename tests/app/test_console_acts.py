"""What a professional does in the console, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.app.console_desk import Desk, Site, choose, row
from tests.app.console_stub import ME

pytestmark = pytest.mark.browser


def test_acknowledge_sends_the_person_and_opens_the_case(desk: Desk, site: Site) -> None:
    site.stub.open("a", "P0")
    page = desk.page()
    row(page, "a").get_by_role("button", name="接单").click()
    expect(page.locator("#case-status")).to_have_text("已接单")
    expect(page.locator("#case-next")).to_contain_text("没联系上，就再叫人")
    expect(page.locator("#story")).to_contain_text("counsellor-1 接单")
    expect(row(page, "a")).to_contain_text("已接单：counsellor-1")
    assert site.stub.posts == [("acknowledge", {"person": ME})]
    page.locator("#take").click()
    expect(page.locator("#case-status")).to_have_text("陪伴中")
    expect(page.locator("#case-next")).to_have_text("不再叫人")
    assert site.stub.posts[1:] == [("take", {"person": ME})]


def test_nobody_acts_without_a_name(desk: Desk, site: Site) -> None:
    site.stub.open("a", "P0")
    page = desk.page(phone=True, person="")
    row(page, "a").get_by_role("button", name="接单").click()
    expect(page.locator("#person-problem")).to_contain_text("先填你的编号")
    expect(page.locator("#person")).to_be_focused()
    assert site.stub.posts == []
    page.locator("#person").fill("counsellor-2")
    row(page, "a").get_by_role("button", name="接单").click()
    expect(page.locator("#case-status")).to_have_text("已接单")
    assert site.stub.posts == [("acknowledge", {"person": "counsellor-2"})]
    page.reload()
    expect(page.locator("#person")).to_have_value("counsellor-2")


def test_a_refusal_is_said_in_plain_chinese(desk: Desk, site: Site) -> None:
    site.stub.open("a", "P0")
    site.stub.refusal = (403, "nobody of this name is on the roster")
    page = desk.page()
    row(page, "a").get_by_role("button", name="接单").click()
    expect(page.locator("#notice")).to_contain_text("名册里没有这个编号")
    choose(page, "a")
    site.stub.refusal = (409, "somebody else has this case")
    page.locator("#take").click()
    expect(page.locator("#acts-problem")).to_contain_text("已经在别人手里")
    site.stub.refusal = (409, "something never heard of")
    page.locator("#take").click()
    expect(page.locator("#acts-problem")).to_contain_text("something never heard of")


def test_no_answer_is_not_taken_for_success(desk: Desk, site: Site) -> None:
    site.stub.open("a", "P0")
    page = desk.page()

    def lost(route: Route) -> None:
        route.abort("connectionreset")

    page.route("**/acknowledge", lost)
    row(page, "a").get_by_role("button", name="接单").click()
    expect(page.locator("#notice")).to_contain_text("不知道做成了没有")
    expect(row(page, "a")).to_contain_text("无人接单")


def test_closing_and_lowering_need_a_reason(desk: Desk, site: Site) -> None:
    site.stub.open("a", "P0")
    page = desk.page()
    choose(page, "a")
    page.locator("#lower-open").click()
    page.get_by_role("button", name="确定调低").click()
    expect(page.locator("#lower-problem")).to_contain_text("先选")
    page.get_by_label("P2 尽快").check()
    page.get_by_role("button", name="确定调低").click()
    expect(page.locator("#lower-problem")).to_contain_text("写一句原因")
    assert site.stub.posts == []
    page.locator("#lower-reason").fill("电话里说已经下楼")
    page.get_by_role("button", name="确定调低").click()
    expect(page.locator("#case-badge")).to_have_text("P2 尽快")
    assert site.stub.posts == [
        ("lower", {"person": ME, "level": "P2", "reason": "电话里说已经下楼"})
    ]
    page.locator("#close-open").click()
    page.locator("#close-reason").fill(" 。 ")
    page.get_by_role("button", name="确定结案").click()
    expect(page.locator("#close-problem")).to_contain_text("写一句原因")
    expect(page.locator("#close-reason")).to_be_focused()
    assert len(site.stub.posts) == 1
    page.locator("#close-reason").fill("家人到了，约好明天再谈")
    page.get_by_role("button", name="确定结案").click()
    expect(page.locator("#case-status")).to_have_text("已结案")
    assert site.stub.posts[1] == (
        "close",
        {"person": ME, "reason": "家人到了，约好明天再谈"},
    )
    expect(page.locator("#open-cases > li")).to_have_count(0)
    expect(page.locator("#empty")).to_contain_text("现在没有打开的个案")
    expect(page.locator("#close-open")).to_be_disabled()


def test_everything_works_from_the_keyboard(desk: Desk, site: Site) -> None:
    site.stub.open("a", "P0")
    page = desk.page(phone=True)
    row(page, "a").locator("a").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#case-title")).to_be_focused()
    expect(page.locator("#case-status")).to_have_text("已接单")
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.locator("#lower-open")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("P1 很急")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#lower-open")).to_be_focused()
    expect(page.locator("#lower-form")).to_be_hidden()
    page.go_back()
    expect(row(page, "a").locator("a")).to_be_focused()
