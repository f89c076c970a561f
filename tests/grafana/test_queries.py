"""Queries of dashboards and rules, asked of a real Prometheus that holds six hours of incidents: each gives series."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.metrics import ALL
from grafana.proof.answers import Answers, Period
from grafana.proof.board import boards
from grafana.proof.incidents.blocks import LENGTH_S, STEP_S, lines, write_incidents
from grafana.proof.incidents.course import MINUTES, Counted
from grafana.proof.prometheus import prometheus
from grafana.proof.rules import rules
from grafana.proof.scene import View, scene

GRAFANA = Path(__file__).parent.parent.parent / "grafana"
BOARDS = boards(GRAFANA / "json")
RULES = {rule.name: rule for rule in rules(GRAFANA / "rules")}
NOW = time.time() // STEP_S * STEP_S - 7
"""Of the newest samples: scrapes do not lie on the grid of a panel's steps."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """A Prometheus with the incidents, and with what the rules would have made of them."""
    for program in ("prometheus", "promtool"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt-get install prometheus")
    folder = tmp_path_factory.mktemp("incidents")
    write_incidents(folder, GRAFANA / "rules", NOW)
    with prometheus(folder) as found:
        yield found


def test_every_metric_takes_part() -> None:
    """With as many labels as it has, and a value for each minute."""
    found = list(lines(NOW))
    assert {line.metric.name for line in found} == {metric.name for metric in ALL} | {"up"}
    for line in found:
        assert len(line.labels) == len(line.metric.labels), line
        assert isinstance(line.values, Counted) == (line.metric.kind == "histogram"), line
        values = line.values.buckets[-1] if isinstance(line.values, Counted) else line.values
        assert values.shape == MINUTES.shape, line


def test_no_series_is_there_twice() -> None:
    """Prometheus would keep one of them, and not say which."""
    found = [(line.metric.name, line.labels) for line in lines(NOW)]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("name", BOARDS)
def test_every_question_of_a_dashboard_has_an_answer(answers: Answers, name: str) -> None:
    """Panels, variables and annotations: on such a day there is something to say about everything."""
    view = View(NOW - LENGTH_S, NOW, STEP_S, {"model": "flights"})
    questions = scene(name, BOARDS[name], answers, view).questions
    assert not [f"{one.where}: {one.expression}" for one in questions if not one.result]


def test_each_event_is_in_one_bar(answers: Answers) -> None:
    """However short the steps are that the panel has room for."""
    view = View(NOW - LENGTH_S, NOW, STEP_S, {"model": "flights"})
    (bars,) = [one for one in scene("rollout", BOARDS["rollout"], answers, view).questions if " Events " in one.where]
    drawn = {one["metric"]["event"]: sum(float(value) for _, value in one["values"]) for one in bars.result}
    assert drawn == {"begin": 1, "advance": 1, "fail": 1}


@pytest.mark.parametrize("name", RULES)
def test_every_rule_has_an_answer(answers: Answers, name: str) -> None:
    """Each alert has its reason to fire at some time, and each recorded series is there."""
    assert answers.over(RULES[name].expression, Period(NOW - LENGTH_S, NOW, STEP_S))
