"""The console of a real gateway, with a real rollout."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.answers import hash_of
from tests.console.chromium import PROGRAM, opened
from tests.onnx_models import lookup, save
from tests.running import Running, launch, wait_for

GATES = [{"metric": "error_rate", "worse_by": 0.01}]
ROLLOUT = {"stable": 1, "candidate": 2, "steps": [10, 50], "bake": "1h", "min_samples": 100, "gates": GATES}
BODY = {"inputs": [{"name": "x", "datatype": "INT64", "shape": [1], "data": [1]}]}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway with a model of two versions, the second of which is being rolled out."""
    if PROGRAM is None:
        pytest.skip("no Chromium is installed here")
    folder = tmp_path_factory.mktemp("console")
    for version in (1, 2):
        save(folder / "models", "table", version, lookup())
    with launch(folder, repository=str(folder / "models"), models={"table": {"rollout": ROLLOUT}}) as gateway:
        yield gateway


def ask(running: Running, times: int) -> None:
    """Sends so many requests."""
    with running.client() as client:
        for _ in range(times):
            client.post("/v2/models/table/infer", json=BODY).raise_for_status()


def answered(page: Page) -> int:
    """How many answers the overview counts, of both versions."""
    cells = page.get_by_role("region", name="Models and versions").locator("tbody tr td:nth-child(7)").all_inner_texts()
    return sum(int(cell.replace(",", "")) for cell in cells)


def test_what_is_answered_shows_at_once(browser: Browser, running: Running) -> None:
    """The page loads without a complaint, and counts and draws what comes in while it is open."""
    ask(running, 5)
    with opened(browser, f"{running.url}/console") as (page, complaints):
        expect(page.get_by_role("link", name="table 1")).to_be_visible()
        expect(page.locator(".pulse")).to_contain_text("live")
        expect(page.locator("#main")).to_contain_text("version 2 against 1")
        before = answered(page)
        ask(running, 40)
        wait_for(lambda: settled(page) and answered(page) == before + 40, 20, "the page to count them")
        expect(page.locator(".strip")).to_contain_text("/s")
        page.goto(f"{running.url}/console{hash_of('table', 'drift')}")
        expect(page.locator("#main")).to_contain_text("no reference profile to compare with")
        assert complaints == []


def settled(page: Page) -> bool:
    """Lets the page go on for a moment: its time passes only while it is asked something."""
    page.wait_for_timeout(100)
    return True


def test_a_rollout_is_paused_resumed_and_promoted(browser: Browser, running: Running) -> None:
    """Each with a question before and a sentence after; the gateway's own history has who and why."""
    with opened(browser, f"{running.url}/console{hash_of('table', 'rollout')}") as (page, complaints):
        expect(page.locator("#main")).to_contain_text("running")
        for verb, state in (
            ("Pause", "paused at 10 %"),
            ("Resume", "running at 10 %"),
            ("Promote", "succeeded at 100 %"),
        ):
            page.get_by_role("button", name=verb).click()
            page.get_by_label("Your name").fill("ann")
            page.get_by_label("Why").fill(f"{verb} <b>it</b>")
            page.get_by_role("dialog").get_by_role("button", name=verb, exact=True).click()
            expect(page.locator("#main .notice.good")).to_have_text(f"{verb}: done. The rollout of table is {state}.")
        expect(page.locator("#main")).to_contain_text("This rollout has ended")
        expect(page.locator("#main")).to_contain_text(re.compile(r"candidate, version 2: 100 %"))
        expect(page.locator("#main .events")).to_contain_text("Promote <b>it</b>")
        with running.client() as client:
            (standing,) = client.get("/gateway/rollouts").json()["rollouts"]
            events = client.get("/gateway/history").json()["events"]
        assert (standing["phase"], standing["weights"]) == ("succeeded", {"1": 0.0, "2": 100.0})
        assert [(event["who"], event["what"]) for event in events[-3:]] == [
            ("ann", "pause"),
            ("ann", "resume"),
            ("ann", "promote"),
        ]
        assert complaints == []


def test_the_page_outlives_the_gateway(browser: Browser, running: Running) -> None:
    """Stopped under the page's feet, it is missed; what was shown stays, with its age."""
    with opened(browser, f"{running.url}/console") as (page, _):
        expect(page.get_by_role("link", name="table 1")).to_be_visible()
        running.process.terminate()
        expect(page.locator(".lost")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("link", name="table 1")).to_be_visible()
        running.process.wait(60)
