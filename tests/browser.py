"""Debian's Chromium, driven by Playwright; installed first where that is possible."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests import services
from tests.conftest import give_up

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window; a visible skip where there is none, in CI a failure."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_path(), args=FLAGS)
        yield browser
        browser.close()


def _path() -> str:
    try:
        if shutil.which("chromium") is None:
            services.apt_install("chromium", "fonts-noto-cjk")
    except services.ServiceMissing as error:
        give_up(str(error))
    path = shutil.which("chromium")
    if path is None:
        give_up("Debian's chromium cannot be had here")
    return path
