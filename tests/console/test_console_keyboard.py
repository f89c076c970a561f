"""The console without a mouse, and for who listens to it."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from tests.console.answers import hash_of
from tests.console.chromium import opened
from tests.console.standin import Standin

FOCUS = "document.activeElement"


def test_the_first_stop_leads_past_the_frame(browser: Browser, standin: Standin) -> None:
    """Tab shows a link that skips to the content; the view stays."""
    with opened(browser, standin.url + hash_of("flights", "drift")) as (page, _):
        expect(page.locator(".ranking")).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        expect(page.locator(".skip")).to_be_in_viewport()
        page.keyboard.press("Enter")
        assert page.evaluate(f"{FOCUS}.id") == "main"
        expect(page.locator(".ranking")).to_be_visible()


def test_every_stop_can_be_seen_and_they_come_in_order(browser: Browser, standin: Standin) -> None:
    """Each focused element has an outline, and Tab goes down the page as the eye does."""
    with opened(browser, standin.url + hash_of("flights", "rollout")) as (page, _):
        expect(page.get_by_role("button", name="Promote")).to_be_visible()
        names = []
        for _ in range(18):
            page.keyboard.press("Tab")
            if page.evaluate(f"{FOCUS} === document.body"):  # past the last one
                break
            assert page.evaluate(f"getComputedStyle({FOCUS}).outlineStyle") == "solid"
            names.append(page.evaluate(f"{FOCUS}.textContent.trim()"))
        wanted = ["Skip to the content", "driftgate", "Overview", "Traffic", "Pause …", "Promote …", "Abort …"]
        places = [names.index(name) for name in wanted]
        assert places == sorted(places)


def test_an_update_takes_nobodys_focus(browser: Browser, standin: Standin) -> None:
    """Figures are drawn again every second; who stands on a control goes on standing there."""
    with opened(browser, standin.url + hash_of("flights", "rollout")) as (page, _):
        button = page.get_by_role("button", name="Abort")
        button.focus()
        before = len(standin.asked)
        with page.expect_response(lambda answer: len(standin.asked) > before + 6):
            pass
        expect(button).to_be_focused()


def test_a_question_can_be_escaped(browser: Browser, standin: Standin) -> None:
    """Escape closes it, nothing was asked of the gateway, and the focus is back on the button."""
    with opened(browser, standin.url + hash_of("flights", "rollout")) as (page, complaints):
        button = page.get_by_role("button", name="Promote")
        button.focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Promote flights?")
        expect(dialog).to_contain_text("Version 2 gets all traffic of flights at once, whatever its gates say.")
        expect(page.get_by_label("Your name")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(button).to_be_focused()
        assert not [asked for asked in standin.asked if asked.startswith("POST")]
        assert complaints == []


def test_changes_are_said_aloud(browser: Browser, standin: Standin) -> None:
    """A rollout that moves is said in the live region, once; the ticking of figures never is."""
    with opened(browser, standin.url) as (page, _):
        expect(page.locator(".alarms")).to_be_visible()
        said = page.locator("#said")
        expect(said).to_have_attribute("aria-live", "polite")
        expect(said).to_have_text("")
        standin.answers["/gateway/rollouts"]["rollouts"][0] |= {"percent": 50.0, "step": 2}
        expect(said).to_have_text(re.compile("Rollout of flights: running at 50 percent"))
