"""One case in the console: its story and its words, in a real browser."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.app.console_desk import SCRIPTED, Desk, Site, choose
from tests.app.console_stub import ME

pytestmark = pytest.mark.browser


def test_the_story_is_told_in_sentences(desk: Desk, site: Site) -> None:
    stub = site.stub
    stub.open("a", "P1")
    stub.tell("a", "ladder", "nobody_on_duty:counsellor")
    stub.tell("a", "ladder", "last_resort:everybody")
    stub.tell("a", "page", "undeliverable voice attempt 2", "counsellor-2")
    stub.tell("a", "late_receipt", "delivered", "counsellor-2")
    stub.tell("a", "taken", "first words to the client", ME)
    stub.tell("a", "seen_again", "P2 p2.never_heard_of")
    stub.tell("a", "never_heard_of", "x:1", ME)
    stub.tell("a", "ladder", "toString:1")
    stub.tell("a", "closed", SCRIPTED, ME)
    page = desk.page()
    choose(page, "a")
    expect(page.locator("#case-why")).to_have_text("为什么：说想死")
    story = page.locator("#story li span").all_inner_texts()[::-1]
    assert story == [
        "打开个案 P1 很急：说想死",
        "第 1 轮：去叫 counsellor-1（控制台）",
        "给 counsellor-1 的呼叫（控制台）：已经发出",
        "没叫到：现在没有值班的咨询师",
        "最后一级也没有人，已经去叫名册里的所有人",
        "给 counsellor-2 的呼叫（电话，第 2 次）：送不到，不再试这条路",
        "给 counsellor-2 的呼叫，回执来晚了：已经送达",
        "counsellor-1 和TA说了第一句话，不再叫人",
        "又出现 P2 尽快：p2.never_heard_of",
        "never_heard_of counsellor-1 x:1",
        "ladder toString:1",
        f"counsellor-1 结案，原因：{SCRIPTED}",
    ]
    assert page.locator("img").count() == 0
    stub.tell("a", "acknowledged", None, "counsellor-2")
    stub.change("a", status="acknowledged", owner="counsellor-2")
    expect(page.locator("#story li").first).to_contain_text("counsellor-2 接单")
    expect(page.locator("#story li")).to_have_count(13)


def test_words_are_read_only_after_saying_why(desk: Desk, site: Site) -> None:
    stub = site.stub
    stub.open("a", "P0")
    sent_at = datetime.now(UTC).isoformat()
    stub.words = [
        {"event_id": "m-1", "role": "client", "sent_at": sent_at, "text": "我在天台"},
        {"event_id": "m-2", "role": "listener", "sent_at": sent_at, "text": SCRIPTED},
    ]
    page = desk.page()
    choose(page, "a")
    assert "我在天台" not in page.content()
    page.get_by_role("button", name="查看对话（会留下记录）").click()
    page.get_by_role("button", name="查看", exact=True).click()
    expect(page.locator("#words-problem")).to_contain_text("写一句原因")
    assert stub.reads == []
    page.locator("#words-why").fill("接单后要和TA说话")
    page.locator("#words-why").press("Enter")
    expect(page.locator("#words li")).to_have_count(2)
    expect(page.locator("#words")).to_contain_text("我在天台")
    expect(page.locator("#words")).to_contain_text(SCRIPTED)
    assert stub.reads == [{"case": "a", "person": ME, "why": "接单后要和TA说话"}]
    expect(page.locator("#story")).to_contain_text("counsellor-1 查看了对话")
    expect(page.locator("#words-open")).to_be_hidden()
    page.get_by_role("button", name="收起对话").click()
    expect(page.locator("#words-open")).to_be_visible()
    assert "我在天台" not in page.content()
    assert page.locator("img").count() == 0
