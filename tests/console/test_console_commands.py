"""What a person may do with a rollout, and what the page says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console import answers
from tests.console.answers import hash_of
from tests.console.chromium import opened
from tests.console.standin import Refusal, Standin

PHASES = {
    "running": ["Pause", "Promote", "Abort"],
    "pending": ["Pause", "Promote", "Abort"],
    "waiting_approval": ["Approve", "Pause", "Promote", "Abort"],
    "paused": ["Resume", "Promote", "Abort"],
    "succeeded": [],
    "rolled_back": [],
    "aborted": [],
    "superseded": [],
}


def command(page: Page, verb: str, who: str = "ann", why: str = "looks good") -> None:
    """Gives it, as a person does."""
    page.get_by_role("button", name=verb).click()
    page.get_by_label("Your name").fill(who)
    page.get_by_label("Why").fill(why)
    page.get_by_role("dialog").get_by_role("button", name=verb, exact=True).click()


@pytest.mark.parametrize("phase", PHASES)
def test_only_what_makes_sense_is_offered(browser: Browser, standin: Standin, phase: str) -> None:
    """Which buttons there are follows from where the rollout is."""
    standin.answers["/gateway/rollouts"] = {"rollouts": [answers.rollout("flights", 0, phase)]}
    with opened(browser, standin.url + hash_of("flights", "rollout")) as (page, _):
        expect(page.get_by_role("list", name="Steps")).to_be_visible()
        assert page.locator("#main .buttons button").all_inner_texts() == [f"{name} …" for name in PHASES[phase]]


def test_a_command_is_sent_once_with_who_and_why(browser: Browser, standin: Standin) -> None:
    """And what came of it stands on the page in words, and is said aloud."""
    standin.answers["/gateway/models/flights/rollout/pause"] = {"model": "flights", "state": "paused at 10 %"}
    with opened(browser, standin.url + hash_of("flights", "rollout")) as (page, complaints):
        command(page, "Pause", "ann", "lunch")
        done = "Pause: done. The rollout of flights is paused at 10 %."
        expect(page.locator("#main .notice.good")).to_have_text(done)
        expect(page.locator("#said")).to_have_text(done)
        ((body, who),) = standin.bodies
        assert (json.loads(body), who) == ({"why": "lunch"}, "ann")
        assert complaints == []


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (Refusal(400, "flights: the rollout is succeeded at 100 %"), "the rollout is succeeded at 100 %"),
        (Refusal(404, "flights has no rollout"), "flights has no rollout"),
        (Refusal(503, "the control actor does not answer"), "the control actor does not answer"),
    ],
)
def test_a_refusal_is_told(browser: Browser, standin: Standin, refusal: Any, said: str) -> None:
    """The gateway's own sentence stands on the page, and nothing looks as if it had been done."""
    standin.answers["/gateway/models/flights/rollout/abort"] = refusal
    with opened(browser, standin.url + hash_of("flights", "rollout")) as (page, _):
        command(page, "Abort")
        expect(page.locator("#main .notice.bad")).to_contain_text(f"Abort: not done. {refusal.message}")
        expect(page.locator("#main .notice.bad")).to_contain_text(said)
