"""A headless Chromium that draws a scene into a PNG, and says everything that its console said."""

from __future__ import annotations

import contextlib
import mimetypes
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, sync_playwright

from grafana.proof.board import Json
from grafana.proof.errors import ProofError

_ORIGIN = "http://drawing.invalid/"
_WIDTH, _HEIGHT, _WAIT_MS = 1600, 1000, 60_000
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
_QUIET = ("--disable-background-networking", "--disable-component-update", "--force-color-profile=srgb")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The installed Chromium; none is downloaded. Raises ProofError where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise ProofError("chromium is not installed; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*_ARGUMENTS, *_QUIET])
        try:
            yield browser
        finally:
            browser.close()


def draw(browser: Browser, folder: Path, scene: Json, picture: Path) -> None:
    """Draws the scene with the page in `folder` into the file `picture`, 1600 pixels wide and as tall as it must be.

    Nothing is fetched but from the folder. Raises ProofError with what the console said, if it said anything.
    """
    said: list[str] = []
    content = msgspec.json.encode(scene)
    page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT}, timezone_id="UTC", locale="en-GB")
    try:
        page.on("console", lambda message: said.extend(_complaint(message)))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.route("**/*", lambda route: _serve(route, folder, content))
        page.goto(f"{_ORIGIN}index.html")
        height = _drawn(page, said)
        if said:
            raise ProofError(f"dashboard {scene['name']}: the console says\n" + "\n".join(said))
        page.set_viewport_size({"width": _WIDTH, "height": height})
        page.screenshot(path=picture, clip={"x": 0, "y": 0, "width": _WIDTH, "height": height})
    finally:
        page.close()


def _drawn(page: Page, said: list[str]) -> int:
    for _ in range(_WAIT_MS // 100):
        drawn = page.evaluate("window.drawn")
        if drawn:
            return int(drawn["height"])
        if said:
            break
        page.wait_for_timeout(100)
    raise ProofError("nothing was drawn:\n" + "\n".join(said or ["the console is silent"]))


def _complaint(message: ConsoleMessage) -> list[str]:
    return [message.text] if message.type in ("error", "warning") else []


def _serve(route: Route, folder: Path, scene: bytes) -> None:
    path = route.request.url.removeprefix(_ORIGIN)
    file = folder / path
    if path == "scene.json":
        route.fulfill(body=scene, content_type="application/json")
    elif route.request.url.startswith(_ORIGIN) and file.is_file():
        route.fulfill(path=file, content_type=mimetypes.guess_type(path)[0] or "application/octet-stream")
    else:
        route.fulfill(status=404)
