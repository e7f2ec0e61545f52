"""The console in a real browser, over a small stand-in that speaks the API's shapes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

import safety.app

pytestmark = pytest.mark.browser

CONSOLE = Path(safety.app.__file__).parent / "console"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ME = "counsellor-1"
SCRIPTED = "<img src=x onerror=\"document.title='broken'\">"


@dataclass
class Stub:
    """Cases, cards and health as the API would tell them, and what it was asked."""

    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    stories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    cards: list[dict[str, Any]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    words: list[dict[str, Any]] = field(default_factory=list)
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    reads: list[dict[str, str]] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    refusal: tuple[int, str] | None = None
    token: str = ""
    repeats_cards: bool = False
    cuts: int = 0
    down: bool = False
    stopping: bool = False

    def open(self, case_id: str, level: str, *, ago_s: float = 75.0, **more: Any) -> None:
        """A new case, or an old one as it stands now."""
        now = datetime.now(UTC)
        standing = self.cases.get(case_id)
        story = self.stories.setdefault(case_id, [])
        reason = {"P0": "p0.place_with_intent", "P1": "p1.intent", "P2": "p2.thoughts"}
        kind = "raised" if standing else "opened"
        self.tell(case_id, kind, f"{level} {reason.get(level, 'p3.passive')}")
        if level != "P3":
            self.tell(case_id, "page_ordered", f"{level} step 0 console", ME)
            self.tell(case_id, "page", "sent console attempt 1", ME)
        self.cases[case_id] = {
            "case_id": case_id,
            "number": f"{abs(hash(case_id)) % 65536:04X}",
            "tenant": "default",
            "client_id": "u-3",
            "conversation_id": f"c-{case_id}",
            "level": level,
            "status": "open",
            "owner": None,
            "opened_at": (now - timedelta(seconds=ago_s)).isoformat(),
            "next_page_at": None if level == "P3" else (now + timedelta(seconds=40)).isoformat(),
            "paged": [] if level == "P3" else [ME, "counsellor-2"],
            **more,
            "version": standing["version"] + 1 if standing else 1,
        }
        assert story

    def tell(
        self, case_id: str, kind: str, detail: str | None = None, who: str | None = None
    ) -> None:
        """One more entry of a case's story."""
        entry = {"at": datetime.now(UTC).isoformat(), "kind": kind, "who": who, "detail": detail}
        self.stories.setdefault(case_id, []).append(entry)

    def change(self, case_id: str, **values: Any) -> dict[str, Any]:
        """The case with these values and the next version."""
        case = self.cases[case_id]
        self.cases[case_id] = {**case, **values, "version": case["version"] + 1}
        return self.cases[case_id]

    def card(self, say: str) -> None:
        """One more card of every conversation."""
        self.cards.append(
            {
                "type": "card",
                "seq": len(self.cards) + 1,
                "say": say,
                "why": "先有距离，别的可以晚一点。",
                "avoid": "不要挂断，也不要激将。",
                "at": datetime.now(UTC).isoformat(),
            }
        )

    def standing(self) -> list[dict[str, Any]]:
        """The open cases as the API lists them."""
        cases = [case for case in self.cases.values() if case["status"] != "closed"]
        return sorted(cases, key=lambda case: (case["level"], case["opened_at"]))

    def act(self, case_id: str, what: str, body: dict[str, Any]) -> Response:
        """What the API does with a professional's act."""
        self.posts.append((what, body))
        if self.refusal is not None:
            return JSONResponse({"detail": self.refusal[1]}, self.refusal[0])
        person = body["person"]
        self.tell(
            case_id,
            {"acknowledge": "acknowledged", "take": "taken"}.get(what, what + "ed"),
            body.get("reason"),
            person,
        )
        status = {"acknowledge": "acknowledged", "close": "closed"}.get(what, "taken")
        values: dict[str, Any] = {"status": status, "owner": person, "next_page_at": None}
        if what == "acknowledge":
            values["next_page_at"] = (datetime.now(UTC) + timedelta(seconds=60)).isoformat()
        if what == "lower":
            values["level"] = body["level"]
        return JSONResponse(self.change(case_id, **values))

    async def case_events(self) -> AsyncIterator[bytes]:
        """The stream of cases, as `safety.app.api.feeds` writes it but quicker."""
        known: dict[str, int] = {}
        cuts = self.cuts
        while not self.stopping and self.cuts == cuts:
            for case in list(self.cases.values()):
                closed_unseen = case["status"] == "closed" and case["case_id"] not in known
                if known.get(case["case_id"]) != case["version"] and not closed_unseen:
                    known[case["case_id"]] = case["version"]
                    yield _event("case", f"{case['case_id']}:{case['version']}", case)
            yield b": ping\r\n\r\n"
            await asyncio.sleep(0.05)

    async def card_events(self, after: int) -> AsyncIterator[bytes]:
        """The stream of cards after `after`; a careless one tells everything again."""
        cuts = self.cuts
        seq = 0 if self.repeats_cards else after
        while not self.stopping and self.cuts == cuts:
            for card in self.cards[seq:]:
                seq = card["seq"]
                yield _event("card", str(seq), card)
            await asyncio.sleep(0.05)


def _event(name: str, event_id: str, value: dict[str, Any]) -> bytes:
    text = json.dumps(value, ensure_ascii=False)
    return f"id: {event_id}\r\nevent: {name}\r\ndata: {text}\r\n\r\n".encode()


def _app(stub: Stub) -> FastAPI:
    app = FastAPI()
    _guard(app, stub)
    _serve_cases(app, stub)
    _serve_the_rest(app, stub)
    app.mount("/", StaticFiles(directory=CONSOLE, html=True))
    return app


def _guard(app: FastAPI, stub: Stub) -> None:
    @app.middleware("http")
    async def door(request: Request, go_on: Any) -> Response:
        if stub.down:
            return Response(status_code=503)
        given = request.headers.get("authorization", "")
        if stub.token and "/v1/" in request.url.path and given != f"Bearer {stub.token}":
            return JSONResponse({"detail": "a bearer token is needed"}, 401)
        answer: Response = await go_on(request)
        return answer


def _serve_cases(app: FastAPI, stub: Stub) -> None:
    @app.get("/v1/cases")
    def listed() -> Response:
        return JSONResponse(stub.standing())

    @app.get("/v1/cases/stream")
    def stream() -> Response:
        return StreamingResponse(stub.case_events(), media_type="text/event-stream")

    @app.get("/v1/cases/{case_id}")
    def one(case_id: str) -> Response:
        if case_id not in stub.cases:
            return JSONResponse({"detail": "there is no such case"}, 409)
        return JSONResponse({**stub.cases[case_id], "timeline": stub.stories[case_id]})

    @app.post("/v1/cases/{case_id}/evidence")
    def evidence(case_id: str, body: dict[str, str]) -> Response:
        person, why = body["person"], body["reason"]
        stub.reads.append({"case": case_id, "person": person, "why": why})
        stub.tell(case_id, "read", why, person)
        return JSONResponse(stub.words)

    @app.post("/v1/cases/{case_id}/{what}")
    def act(case_id: str, what: str, body: dict[str, Any]) -> Response:
        return stub.act(case_id, what, body)


def _serve_the_rest(app: FastAPI, stub: Stub) -> None:
    @app.get("/v1/conversations/{_conversation}/cards")
    def cards(_conversation: str, request: Request) -> Response:
        last = request.headers.get("last-event-id", "")
        stub.resumed.append(last)
        return StreamingResponse(stub.card_events(int(last or 0)), media_type="text/event-stream")

    @app.get("/readyz")
    def readyz() -> Response:
        body = {"ready": not stub.findings, "findings": stub.findings, "lexicon": "test"}
        return JSONResponse(body, 503 if stub.findings else 200)


@dataclass
class Site:
    url: str
    stub: Stub


@pytest.fixture
def site() -> Iterator[Site]:
    """The console over a stand-in of its own on a free port."""
    stub = Stub()
    config = uvicorn.Config(
        _app(stub), log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{listener.getsockname()[1]}", stub)
    finally:
        stub.stopping = True
        server.should_exit = True
        thread.join(10)
        listener.close()
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        reason = "no chromium here: apt-get install chromium fonts-noto-cjk"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Desk:
    """Opens pages that must not complain."""

    browser: Browser
    url: str
    complaints: list[str] = field(default_factory=list)

    def page(self, *, phone: bool = False, dark: bool = False, person: str = ME) -> Page:
        context = self.browser.new_context(
            viewport={"width": 320, "height": 640} if phone else {"width": 1280, "height": 800},
            color_scheme="dark" if dark else "light",
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
        )
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        if person:
            page.add_init_script(
                f"localStorage.getItem('jiezhu.person') ?? "
                f"localStorage.setItem('jiezhu.person', {person!r})"
            )
        page.goto(self.url)
        return page


@pytest.fixture
def desk(browser: Browser, site: Site) -> Iterator[Desk]:
    desk = Desk(browser, site.url)
    try:
        yield desk
    finally:
        for context in browser.contexts:
            context.close()
    assert desk.complaints == []


def levels(page: Page) -> list[str]:
    """The levels of the listed cases, from the top."""
    found: list[str] = page.eval_on_selector_all(
        "#open-cases > li", "rows => rows.map(row => row.dataset.level)"
    )
    return found


def row(page: Page, case_id: str) -> Any:
    return page.locator(f'#open-cases > li[data-case="{case_id}"]')


def choose(page: Page, case_id: str) -> None:
    row(page, case_id).locator("a").click()
    expect(page.locator("#story li").first).to_be_visible()


def wait_until(done: Any, page: Page) -> None:
    """Keeps the browser going until `done()`."""
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        page.wait_for_timeout(30)


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
    script = (CONSOLE / "console.js").read_text("utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)
    for path in CONSOLE.iterdir():
        found = re.findall(r"https?://[^\s'\"]+", path.read_text("utf-8"))
        assert set(found) <= {"http://www.w3.org/2000/svg"}, path.name


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
