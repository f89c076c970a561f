"""What the console says when there is nothing to show: why, and what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.console import answers
from tests.console.answers import hash_of
from tests.console.chromium import opened
from tests.console.standin import Refusal, Standin

MONITORS = "/gateway/models/flights/monitors"


def test_a_gateway_that_is_gone_is_waited_for(browser: Browser, standin: Standin) -> None:
    """What is shown is marked with its age, asking goes on ever less often, and the page resumes by itself."""
    with opened(browser, standin.url) as (page, _):
        expect(page.locator(".alarms")).to_be_visible()
        expect(page.locator(".pulse")).to_contain_text("live")
        standin.stop()
        lost = page.locator(".lost")
        expect(lost).to_contain_text("The gateway does not answer (no connection), since")
        expect(lost).to_contain_text(re.compile(r"What you see is from \d\d:\d\d:\d\d, (just now|\d+ s ago)"))
        expect(lost).to_contain_text("driftgate up")
        expect(lost).to_contain_text(re.compile(r"Asked again in [2-4] s"))
        expect(page.locator(".pulse")).to_contain_text("not connected")
        expect(page.locator("#said")).to_contain_text("The gateway does not answer")
        expect(page.locator(".alarms")).to_be_visible()
        standin.start()
        page.get_by_role("button", name="Ask now").click()
        expect(lost).to_have_count(0)
        expect(page.locator(".pulse")).to_contain_text("live")
        expect(page.locator("#said")).to_contain_text("answers again")


def test_while_it_is_gone_only_one_question_is_asked(browser: Browser, standin: Standin) -> None:
    """No crowd of requests waits for a gateway that starts."""
    standin.answers["/gateway/status"] = Refusal(503, "no replica is ready")
    with opened(browser, standin.url) as (page, _):
        expect(page.locator(".lost")).to_contain_text("no replica is ready")
        standin.asked.clear()
        expect(page.locator(".lost")).to_contain_text(re.compile("Asked again in [2-9] s"))
        expect(page.locator(".lost")).to_contain_text(re.compile("Asked again in [4-9] s"))
        assert set(standin.asked) == {"GET /gateway/status"}
        assert len(standin.asked) <= 3


def test_an_observer_that_does_not_answer_is_named(browser: Browser, standin: Standin) -> None:
    """Only what it would tell is missing: the models, the rollout and the buttons are there."""
    gone = Refusal(503, "the observer does not answer just now (ActorDiedError); try again")
    standin.answers |= {"/gateway/traffic": gone, MONITORS: gone}
    with opened(browser, standin.url) as (page, _):
        expect(page.locator("#main")).to_contain_text("No new traffic figures: the observer does not answer just now")
        expect(page.locator("#main")).to_contain_text("Requests are answered and recorded all the same")
        expect(page.locator("#main")).to_contain_text("Alarms of flights are as they were last heard")
        expect(page.get_by_role("link", name="flights 1")).to_be_visible()
        page.goto(standin.url + hash_of("flights", "rollout"))
        expect(page.get_by_role("button", name="Promote")).to_be_enabled()


def unwatched(found: dict[str, Any]) -> None:
    """No version has a profile."""
    found[MONITORS] = {"model": "flights", "versions": []}


def unclosed(found: dict[str, Any]) -> None:
    """Its first window is still open."""
    found[MONITORS]["versions"][0]["latest"] = []


def unlabelled(found: dict[str, Any]) -> None:
    """Nobody has sent a label."""
    del found[MONITORS]["versions"][0]["latest"][1]


def ungrouped(found: dict[str, Any]) -> None:
    """The manifest declares no groups."""
    window = found[MONITORS]["versions"][0]["latest"][0]
    window["measurements"] = [each for each in window["measurements"] if each["monitor"] != "fairness"]


def idle(found: dict[str, Any]) -> None:
    """Nobody has asked anything yet."""
    unwatched(found)
    found["/gateway/traffic"] = {"time": 1.0, "models": []}
    for row in found["/gateway/status"]["models"]:
        row["answered"] = 0


def absent(*paths: str) -> Any:
    """A gateway of another release, without these paths."""
    return lambda found: [found.pop(path) for path in paths]


def uncarded(found: dict[str, Any]) -> None:
    """There is no card.md."""
    found["/gateway/models/flights/card"] |= {"card": None}


def unrolled(found: dict[str, Any]) -> None:
    """No configuration names a candidate."""
    found["/gateway/rollouts"] = {"rollouts": []}


LACKS = [
    (idle, "#/", "No traffic since the gateway began. Ask it something, or send a recording"),
    (idle, hash_of("flights", "traffic"), "flights has not been asked anything"),
    (idle, hash_of("flights", "drift"), "flights has answered nothing yet. Its monitors begin with the first answer."),
    (unwatched, hash_of("flights", "drift"), "no reference profile to compare with"),
    (unwatched, hash_of("flights", "performance"), "driftgate profile DATA.parquet"),
    (unclosed, hash_of("flights", "drift"), "No window of version 1 has closed yet"),
    (unlabelled, hash_of("flights", "performance"), "No labels for version 1 yet"),
    (ungrouped, hash_of("flights", "fairness"), "declares no groups"),
    (unrolled, hash_of("flights", "rollout"), "flights has no rollout"),
    (uncarded, hash_of("flights", "card"), "flights version 2 has no card."),
    (absent("/gateway/models/flights/card"), hash_of("flights", "card"), "This gateway does not offer model cards"),
    (absent("/gateway/models/flights/distributions"), hash_of("flights", "drift"), "This gateway does not offer distributions"),
    (absent("/gateway/traffic"), "#/", "This gateway does not offer traffic figures"),
    (lambda found: found.update({"/gateway/history": {"events": []}}), "#/events", "Nothing was changed yet."),
    (lambda found: found.update({MONITORS: Refusal(500, "internal error")}), hash_of("flights", "drift"), "refuses to tell"),
    (lambda found: None, hash_of("nobody", "drift"), "No model is called nobody here."),
]  # fmt: skip


@pytest.mark.parametrize(("lack", "address", "said"), LACKS, ids=[said[:40] for _, _, said in LACKS])
def test_what_is_lacking_is_said(browser: Browser, standin: Standin, lack: Any, address: str, said: str) -> None:
    """A sentence says why there is nothing, and the page stands."""
    lack(standin.answers)
    with opened(browser, standin.url + address) as (page, complaints):
        expect(page.locator("#main")).to_contain_text(said)
        assert [words for words in complaints if not words.startswith("error: Failed to load resource")] == []


def test_numbers_that_are_none_are_dashes(browser: Browser, standin: Standin) -> None:
    """A measurement without a value, an interval without ends: never NaN, undefined or null."""
    for window in standin.answers[MONITORS]["versions"][0]["latest"]:
        for measured in window["measurements"]:
            measured |= {"value": None, "interval": [None, None], "detail": {}}
    with opened(browser, standin.url) as (page, complaints):
        for tab in ("drift", "performance", "fairness", "rollout", "traffic"):
            page.goto(standin.url + answers.hash_of("flights", tab))
            expect(page.locator("#main h1")).to_have_text("flights")
            expect(page.locator("#main .panel").nth(1)).to_be_visible()
            text = page.locator("#main").inner_text()
            assert not re.search(r"NaN|undefined|null|\[object", text), text
        assert complaints == []
