"""Queries of dashboards and rules, asked of a Prometheus that scrapes a gateway under replay: each gives series."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from grafana.proof.answers import Answers
from grafana.proof.board import boards
from grafana.proof.emptiness import REASONS, unexpected
from grafana.proof.live import BRISK, live
from grafana.proof.prometheus import prometheus
from grafana.proof.rules import hurried
from grafana.proof.scene import View, scene
from tests.running import wait_for

GRAFANA = Path(__file__).parent.parent.parent / "grafana"
BOARDS = boards(GRAFANA / "json")
SCRAPE_S = 1.0
TOLD_S = 2.0
"""What dashboards take for the time between scrapes, so that one that fails on a busy machine leaves no hole."""
PATIENCE_S = 90


class Watched(NamedTuple):
    """A gateway that has been scraped since `begin`."""

    answers: Answers
    begin: float

    def silent(self, name: str) -> set[str]:
        """The questions of a dashboard that have no answer now, and for which no reason is known."""
        view = View(self.begin, time.time(), TOLD_S, {"model": "flights", "metric": "accuracy"})
        return set(unexpected(scene(name, BOARDS[name], self.answers, view).questions))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Four models under replay with labels, a shadow, and a rollout that has just begun."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed: apt-get install prometheus")
    folder = tmp_path_factory.mktemp("live")
    rules = hurried(GRAFANA / "rules", folder / "rules")
    with (
        live(folder / "gateway", BRISK) as gateway,
        prometheus(folder / "prometheus", rules, [gateway.target], SCRAPE_S) as answers,
    ):
        begin = time.time()
        wait_for(lambda: answers.at("driftgate_revision offset 3s"), 60, "a revision before the load")
        gateway.reload()
        wait_for(lambda: answers.at("driftgate_revision offset 10s > 1"), 60, "a while after the load")
        gateway.roll_out()
        yield Watched(answers, begin)


@pytest.mark.timeout(PATIENCE_S + 120)
@pytest.mark.parametrize("name", BOARDS)
def test_every_question_of_a_dashboard_has_an_answer(watched: Watched, name: str) -> None:
    """As soon as windows have closed and labels have come; but for what a healthy gateway has nothing to say about."""
    silent = watched.silent(name)
    end = time.monotonic() + PATIENCE_S
    while silent and time.monotonic() < end:
        # On a busy machine a scrape may fail, and what is asked for now be away for a moment: one answer is enough.
        silent &= watched.silent(name)
    assert not silent


def test_prometheus_evaluates_every_rule(watched: Watched) -> None:
    """None of them fails on what a gateway exposes, such as on two series where one is wanted."""
    assert watched.answers.troubles() == {}


def test_reasons_are_given_for_questions_that_are_asked() -> None:
    """A reason for one that has gone would hide the next that is silent."""
    asked = [panel.get("title", "") for board in BOARDS.values() for panel in board["panels"]]
    asked += [f"annotation {one['name']}" for board in BOARDS.values() for one in board["annotations"]["list"]]
    for where in REASONS:
        assert any(part in asked for part in where.split(" · ")), where
