"""Chromium as the tests and the pictures use it: the one that is installed, and never one that is downloaded."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MISSING = "no Chromium is installed here (Debian: apt-get install chromium)"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
PATIENCE_MS = 20_000

_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-lcd-text",  # grey edges: pictures of half the size
)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, headless, with a profile of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=list(_OPTIONS))
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def opened(browser: Browser, url: str, **context: Any) -> Iterator[tuple[Page, list[str]]]:
    """A page of its own, and what it complains of: errors, and all that it writes to the browser's console."""
    within = browser.new_context(**{"viewport": DESK, **context})
    page = within.new_page()
    page.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []

    def written(message: ConsoleMessage) -> None:
        complaints.append(f"{message.type}: {message.text}")

    page.on("console", written)
    page.on("pageerror", lambda problem: complaints.append(f"exception: {problem}"))
    try:
        page.goto(url)
        yield page, complaints
    finally:
        within.close()
