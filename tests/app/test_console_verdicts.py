"""Saying whether the readings were right, in a real browser."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.app.console_desk import SCRIPTED, Desk, Site, choose, wait_until
from tests.app.console_stub import ME, Stub
from tests.app.test_console_looks import assert_kind_to_the_eye

pytestmark = pytest.mark.browser


def piece(term: str, *labels: str, cues: tuple[str, ...] = (), source: str = "lexicon") -> Any:
    return {"source": source, "term": term, "labels": list(labels), "cues": list(cues)}


def told(event_id: str, word: str, *terms: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """A verdict as the server tells it."""
    verdict = {
        "verdict_id": number, "event_id": event_id, "person": ME, "verdict": word,
        "stands": True, "terms": list(terms), "consent": "unknown",
    }  # fmt: skip
    return {**verdict, **more}


def words(*verdicts: dict[str, Any]) -> list[dict[str, Any]]:
    """A conversation: something fired, nothing did, and what is not read."""
    sent_at = datetime.now(UTC).isoformat()
    turns: list[dict[str, Any]] = [
        {"event_id": "m-0", "role": "listener", "text": "你在哪儿"},
        {
            "event_id": "m-1", "role": "client", "text": "我在天台,不想活了", "level": "P0",
            "fired": [
                piece("g002", "active_ideation", cues=("time_now",)),
                piece("g082", "dangerous_place"),
            ],
        },
        {"event_id": "m-2", "role": "client", "text": "猫送给邻居了"},
        {"event_id": "m-3", "role": "client", "text": "就这样吧", "level": "P2"},
        {"event_id": "m-4", "role": "counsellor", "text": "我是值班咨询师"},
        {
            "event_id": "m-5", "role": "listener", "text": "加我微信", "level": "P3",
            "fired": [piece("g201", "off_platform"), piece(SCRIPTED)],
        },
    ]  # fmt: skip
    return [
        {
            "level": None, "fired": [], "sent_at": sent_at, **turn,
            "verdicts": [item for item in verdicts if item["event_id"] == turn["event_id"]],
        }
        for turn in turns
    ]  # fmt: skip


def reading(
    desk: Desk, stub: Stub, *verdicts: dict[str, Any], phone: bool = False, dark: bool = False
) -> Page:
    """A page on which the words of the only case are open."""
    stub.open("a", "P0")
    stub.words = words(*verdicts)
    page = desk.page(phone=phone, dark=dark)
    choose(page, "a")
    page.locator("#words-open").click()
    page.locator("#words-why").fill("接单后要和TA说话")
    page.locator("#words-why").press("Enter")
    expect(page.locator("#words li")).to_have_count(6)
    return page


def line(page: Page, number: int) -> Locator:
    return page.locator("#words > li").nth(number)


def button(where: Locator, word: str, nth: int = 0) -> Locator:
    return where.get_by_role("button", name=word, exact=True).nth(nth)


def pressed(where: Locator) -> list[str]:
    return where.locator('[aria-pressed="true"]').all_inner_texts()


def test_beside_what_fired_stand_two_buttons_and_beside_silence_one(desk: Desk, site: Site) -> None:
    page = reading(desk, site.stub)
    offered = [list(line(page, n).get_by_role("button").all_inner_texts()) for n in range(6)]
    pair = ["说中了", "没说中"]
    assert offered == [[], [*pair, *pair], ["漏了"], pair, [], [*pair, *pair]]
    groups = line(page, 1).get_by_role("group")
    expect(groups.nth(0)).to_have_accessible_name("主动想死、就在眼前 g002")
    expect(groups.nth(1)).to_have_accessible_name("危险的地方 g082")
    expect(line(page, 3).get_by_role("group")).to_have_accessible_name("这句话")
    expect(line(page, 5)).to_contain_text("约到平台外面 g201")
    expect(line(page, 5)).to_contain_text(SCRIPTED)
    assert page.locator("img").count() == 0
    assert pressed(page.locator("#words")) == []


def test_each_thing_is_judged_for_itself_and_can_be_changed_and_taken_back(
    desk: Desk, site: Site
) -> None:
    page = reading(desk, site.stub)
    wish, roof = line(page, 1).get_by_role("group").all()
    button(wish, "说中了").click()
    expect(page.locator("#words-said")).to_have_text("已记下：主动想死、就在眼前，说中了。")
    assert (pressed(wish), pressed(roof)) == (["说中了"], [])
    button(roof, "没说中").click()
    expect(button(roof, "没说中")).to_have_attribute("aria-pressed", "true")
    button(wish, "没说中").click()
    expect(button(wish, "没说中")).to_have_attribute("aria-pressed", "true")
    assert (pressed(wish), pressed(roof)) == (["没说中"], ["没说中"])
    button(wish, "没说中").click()
    expect(button(wish, "没说中")).to_have_attribute("aria-pressed", "false")
    button(line(page, 3), "说中了").click()
    button(line(page, 2), "漏了").click()
    expect(button(line(page, 2), "漏了")).to_have_attribute("aria-pressed", "true")
    base = {"person": ME, "consent": "unknown"}
    assert site.stub.verdicts == [
        {**base, "event_id": "m-1", "verdict": "true", "term": "g002"},
        {**base, "event_id": "m-1", "verdict": "false", "term": "g082"},
        {**base, "event_id": "m-1", "verdict": "false", "term": "g002"},
        {**base, "event_id": "m-1", "verdict": "withdrawn", "term": "g002"},
        {**base, "event_id": "m-3", "verdict": "true"},
        {**base, "event_id": "m-2", "verdict": "missed"},
    ]


def test_what_i_said_before_is_shown_and_what_others_said_is_not_mine(
    desk: Desk, site: Site
) -> None:
    page = reading(
        desk,
        site.stub,
        told("m-1", "true", "g002"),
        told("m-1", "false", "g082", person="counsellor-2", number=2),
        told("m-2", "missed", stands=False, number=3),
        told("m-3", "false", number=4, consent="given"),
    )
    wish, roof = line(page, 1).get_by_role("group").all()
    assert (pressed(wish), pressed(roof)) == (["说中了"], [])
    assert pressed(line(page, 2)) == []
    assert pressed(line(page, 3)) == ["没说中"]
    expect(page.get_by_label("同意", exact=True)).to_be_checked()
    page.locator("#person").fill("counsellor-3")
    button(wish, "说中了").click()
    wait_until(lambda: bool(site.stub.verdicts), page)
    assert site.stub.verdicts[0]["verdict"] == "true", "somebody else says it anew"
    assert site.stub.verdicts[0]["person"] == "counsellor-3"


def test_consent_goes_with_the_verdict(desk: Desk, site: Site) -> None:
    page = reading(desk, site.stub)
    expect(page.get_by_label("没有问过")).to_be_checked()
    for label, is_pressed in (("同意", "true"), ("不同意", "false"), ("没有问过", "true")):
        page.get_by_label(label, exact=True).check()
        button(line(page, 2), "漏了").click()
        expect(button(line(page, 2), "漏了")).to_have_attribute("aria-pressed", is_pressed)
    assert [said["consent"] for said in site.stub.verdicts] == ["given", "refused", "unknown"]


def test_what_it_should_have_been_may_be_added(desk: Desk, site: Site) -> None:
    page = reading(desk, site.stub)
    where = line(page, 2)
    button(where, "漏了").click()
    expect(page.locator("#words-said")).to_contain_text("下面可以写")
    expect(button(where, "漏了")).to_be_focused()
    offered = where.locator("select option").all_inner_texts()
    assert "自杀准备" in offered
    assert "约到平台外面" in offered
    assert "倾听师激将" not in offered
    where.get_by_label("应该是").select_option(label="自杀准备")
    where.get_by_label("为什么").fill("猫")
    button(where, "补上").click()
    expect(where.get_by_role("alert")).to_contain_text("至少写两个字")
    where.get_by_label("为什么").fill("把猫托付出去")
    button(where, "补上").click()
    expect(page.locator("#words-said")).to_have_text("补充已记下。")
    expect(where.locator("form")).to_have_count(0)
    expect(button(where, "漏了")).to_be_focused()
    assert site.stub.verdicts[1] == {
        "person": ME, "event_id": "m-2", "verdict": "missed", "consent": "unknown",
        "labels": ["suicide_preparation"], "reason": "把猫托付出去",
    }  # fmt: skip
    button(line(page, 5), "没说中").click()
    expect(line(page, 5).locator("form")).to_be_visible()
    offered = line(page, 5).locator("select option").all_inner_texts()
    assert offered == ["说不清", "倾听师的话可能伤人", "倾听师越界", "倾听师激将", "约到平台外面"]
    button(line(page, 5), "不用了").click()
    expect(line(page, 5).locator("form")).to_have_count(0)
    assert len(site.stub.verdicts) == 3


def test_a_refusal_or_silence_is_not_taken_for_success(desk: Desk, site: Site) -> None:
    page = reading(desk, site.stub)
    site.stub.refusal = (409, "this message was raised: say true or false")
    button(line(page, 2), "漏了").click()
    expect(line(page, 2).get_by_role("alert")).to_contain_text("已经报出来了")
    assert pressed(line(page, 2)) == []

    def lost(route: Route) -> None:
        route.abort("connectionreset")

    page.route("**/verdicts", lost)
    button(line(page, 3), "说中了").click()
    expect(line(page, 3).get_by_role("alert")).to_contain_text("不知道做成了没有")
    assert pressed(line(page, 3)) == []
    expect(page.locator("#words-said")).to_have_text("")
    assert site.stub.verdicts == []


def test_nobody_judges_without_a_name(desk: Desk, site: Site) -> None:
    page = reading(desk, site.stub)
    page.locator("#person").fill("")
    button(line(page, 2), "漏了").click()
    expect(page.locator("#person-problem")).to_contain_text("先填你的编号")
    assert site.stub.verdicts == []


def test_judging_works_from_the_keyboard(desk: Desk, site: Site) -> None:
    page = reading(desk, site.stub, phone=True)
    button(line(page, 1), "说中了").focus()
    page.keyboard.press("Space")
    expect(button(line(page, 1), "说中了")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Tab")
    expect(button(line(page, 1), "没说中")).to_be_focused()
    page.keyboard.press("Enter")
    expect(button(line(page, 1), "没说中")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Tab")
    expect(line(page, 1).get_by_label("应该是")).to_be_focused()
    page.keyboard.press("Escape")
    expect(line(page, 1).locator("form")).to_have_count(0)
    expect(button(line(page, 1), "没说中")).to_be_focused()


SHARES = {
    "verdicts": {"true": 31, "false": 22, "missed": 4},
    "labels": [
        {"name": "active_ideation", "true": 30, "false": 10, "missed": 3, "precision": 0.75,
         "recall": 0.909},
        {"name": "dangerous_place", "true": 1, "false": 12, "missed": 0, "precision": 0.0769,
         "recall": 1.0},
        {"name": "panic", "true": 0, "false": 0, "missed": 1, "precision": None, "recall": 0.0},
    ],
    "terms": [
        {"name": "g082", "true": 1, "false": 12, "precision": 0.0769, "class": "CTX-PLACE",
         "labels": ["dangerous_place"], "review": True, "may_be_dropped": True},
        {"name": "g019", "true": 1, "false": 10, "precision": 0.0909, "class": "SI-P",
         "labels": ["passive_ideation"], "review": True, "may_be_dropped": False},
        {"name": "model.active_ideation", "true": 30, "false": 0, "precision": 1.0, "class": None,
         "labels": ["active_ideation"], "review": False, "may_be_dropped": False},
        {"name": "g046", "true": 3, "false": 3, "precision": 0.5, "class": "HOPE", "labels": [],
         "review": False, "may_be_dropped": False},
    ],
}  # fmt: skip


def rows(page: Page, table: str) -> list[list[str]]:
    found: list[list[str]] = page.eval_on_selector_all(
        f"#{table} tbody tr",
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.replace(/\\n/g, ' ')))",
    )
    return found


def test_the_shares_are_a_page_of_their_own(desk: Desk, site: Site) -> None:
    site.stub.open("a", "P1")
    site.stub.shares = SHARES
    page = desk.page()
    page.get_by_role("link", name="词与标签的准确率").click()
    expect(page.locator("#shares-state")).to_contain_text("说中了 31 次，没说中 22 次，漏了 4 次")
    expect(page.locator("#shares-title")).to_be_focused()
    expect(page.locator("#none-chosen")).to_be_hidden()
    assert rows(page, "label-shares") == [
        ["主动想死", "30", "10", "3", "75%", "91%"],
        ["危险的地方", "1", "12", "0", "8%", "100%"],
        ["惊恐", "0", "0", "1", "—", "0%"],
    ]
    assert rows(page, "term-shares") == [
        ["危险的地方 g082 要复核", "1", "12", "8%"],
        ["不想活着、想消失 g019 要复核，但不提议删", "1", "10", "9%"],
        ["主动想死 model.active_ideation", "30", "0", "100%"],
        ["线索 g046", "3", "3", "50%"],
    ]
    expect(page.get_by_role("rowheader").first).to_have_text("主动想死")
    page.get_by_label("看最近").select_option(label="一年")
    wait_until(lambda: site.stub.days == [90, 365], page)
    choose(page, "a")
    expect(page.locator("#shares")).to_be_hidden()
    expect(page.locator("#case-title")).to_be_focused()
    page.go_back()
    expect(page.locator("#shares")).to_be_visible()
    page.go_back()
    expect(page.locator("#shares")).to_be_hidden()
    expect(page.locator("#shares-open")).to_be_focused()


def test_shares_that_cannot_be_read_and_shares_of_nothing(desk: Desk, site: Site) -> None:
    site.stub.shares = {"verdicts": {"true": 0, "false": 0, "missed": 0}, "labels": [], "terms": []}
    page = desk.page()
    page.goto(f"{site.url}#/precision")
    expect(page.locator("#shares-state")).to_have_text("这段时间还没有人判断过。")
    expect(page.locator("#label-shares")).to_be_hidden()
    site.stub.down = True
    page.get_by_label("看最近").select_option(label="30 天")
    expect(page.locator("#shares-state")).to_contain_text("服务器这会儿做不了")
    site.stub.down = False


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_it_reads_well_everywhere(
    desk: Desk, site: Site, tmp_path: Path, *, phone: bool, dark: bool
) -> None:
    shots = Path(os.environ.get("JIEZHU_CONSOLE_SHOTS", str(tmp_path)))
    name = f"verdicts-{'320' if phone else '1280'}-{'dark' if dark else 'light'}"
    site.stub.shares = SHARES
    page = reading(desk, site.stub, phone=phone, dark=dark)
    button(line(page, 1), "说中了").click()
    button(line(page, 2), "漏了").click()
    expect(line(page, 2).locator("form")).to_be_visible()
    assert_kind_to_the_eye(page)
    page.locator("#words-title").scroll_into_view_if_needed()
    page.screenshot(path=shots / f"{name}-words.png", full_page=True)
    page.goto(f"{site.url}#/precision")
    expect(page.locator("#term-shares tbody tr")).to_have_count(4)
    expect(page.locator("#shares")).to_be_visible()
    if phone:
        expect(page.locator("#cases")).to_be_hidden()
        expect(page.locator("#case")).to_be_hidden()
    assert_kind_to_the_eye(page)
    page.screenshot(path=shots / f"{name}-shares.png", full_page=True)
