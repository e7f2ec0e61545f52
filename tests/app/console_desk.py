"""The console in a real browser, over its stand-in: fixtures and what tests do with a page."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from tests.app.console_stub import ME, Stub, stub_app
from tests.browser import chromium

SCRIPTED = "<img src=x onerror=\"document.title='broken'\">"


@dataclass
class Site:
    url: str
    stub: Stub


@pytest.fixture
def site() -> Iterator[Site]:
    """The console over a stand-in of its own on a free port."""
    stub = Stub()
    config = uvicorn.Config(
        stub_app(stub), log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=2
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
    with chromium() as started:
        yield started


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
