"""Pictures of every view of the console, from a gateway under a real replay: `python -m tests.console.pictures`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.console.answers import hash_of
from tests.console.chromium import DESK, MISSING, PHONE, PROGRAM, chromium, opened
from tests.running import Running, launch, wait_for

FOLDER = Path(__file__).parent.parent.parent / "docs" / "images"
LARGEST = 200_000
WINDOWS = 6
PATIENCE_S = 420

ROLLOUT = {
    "stable": 1,
    "candidate": 2,
    "steps": [5, 25, 50],
    "bake": "60s",
    "min_samples": 500,
    "approve": "manual",
    "gates": [
        {"metric": "error_rate", "worse_by": 0.01},
        {"metric": "latency_p99", "ratio": 1.5},
        {"metric": "accuracy", "worse_by": 0.02},
        {"metric": "disagreement", "above": 0.1},
    ],
}
MODELS = {
    "flights": {"rollout": ROLLOUT, "monitor": {"every": 5, "rows": 5000}},
    "bikeshare": {},
    "credit": {},
    "digits": {},
}
REPLAY = ("replay", "flights", "--speed", "60000x", "--from", "2013-03-10")
VIEWS = {
    "overview": "#/",
    "rollouts": "#/rollouts",
    "events": "#/events",
    **{tab: hash_of("flights", tab) for tab in ("traffic", "drift", "performance", "fairness", "rollout", "card")},
}


def main() -> None:
    """Takes them; raises if a page complains or a picture is too large to be checked in."""
    if PROGRAM is None:
        raise SystemExit(MISSING)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, launch(Path(folder), models=MODELS) as running, chromium() as browser:
        replay = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", *REPLAY, "--config", str(running.config)], stdout=subprocess.DEVNULL
        )
        try:
            taken(browser, running)
        finally:
            replay.terminate()
            replay.wait()
    for picture in sorted(FOLDER.glob("console-*.png")):
        size = picture.stat().st_size
        assert size < LARGEST, f"{picture.name} has {size:,} bytes, more than {LARGEST:,}"
        print(f"{picture.relative_to(FOLDER.parent.parent)}  {size:,} bytes")


def taken(browser: Browser, running: Running) -> None:
    """All of them, once enough windows have closed for lines to have a shape."""
    url = f"{running.url}/console"
    with opened(browser, url, color_scheme="light") as (page, complaints):
        waited(page, lambda: windows(running) >= WINDOWS, "windows to close")
        for name, address in VIEWS.items():
            shown(page, address)
            shoot(page, name, whole=name != "card")
        page.emulate_media(color_scheme="dark")
        for name in ("overview", "drift"):
            shown(page, VIEWS[name])
            shoot(page, f"{name}-dark")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        for name in ("overview", "drift", "rollout"):
            shown(page, VIEWS[name])
            shoot(page, f"{name}-phone")
        page.set_viewport_size(DESK)  # type: ignore[arg-type]
        shown(page, VIEWS["rollout"])
        page.get_by_role("button", name="Promote").click()
        shoot(page, "question", whole=False)
        page.keyboard.press("Escape")
        assert complaints == [], complaints
        shown(page, VIEWS["overview"])
        running.process.terminate()
        expect(page.locator(".lost")).to_be_visible(timeout=60_000)
        page.wait_for_timeout(2_000)
        shoot(page, "lost", whole=False)


def shown(page: Page, address: str) -> None:
    """Goes there, within the page, and lets its data come."""
    page.evaluate("(address) => { location.hash = address; }", address)
    page.wait_for_timeout(500)
    expect(page.locator("#main p", has_text="Asking for")).to_have_count(0)
    page.wait_for_timeout(2_500)


def shoot(page: Page, name: str, whole: bool = True) -> None:
    """One picture."""
    path = FOLDER / f"console-{name}.png"
    page.screenshot(path=path, full_page=whole)
    shrink(path)


def shrink(path: Path) -> None:
    """Keeps the 256 colours that matter: a third of the bytes, and nothing to be seen."""
    from PIL import Image  # only who takes pictures needs it

    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def waited(page: Page, condition: Callable[[], bool], what: str) -> None:
    """Waits, while the page goes on."""

    def then() -> bool:
        page.wait_for_timeout(1_000)
        return condition()

    wait_for(then, PATIENCE_S, what)


def windows(running: Running) -> int:
    """How many windows of the version that gets most have closed, with their labels."""
    with running.client() as client:
        versions = client.get("/gateway/models/flights/monitors?history=99").raise_for_status().json()["versions"]
    return max(
        (
            sum(window["about"] == "labelled" for window in one["history"])
            for one in versions
            if (one["version"], one["role"]) == (1, "primary")
        ),
        default=0,
    )


if __name__ == "__main__":
    main()
