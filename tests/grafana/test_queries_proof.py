"""How the proof reads dashboards: variables, steps, closed rows and rules, as Grafana and Prometheus read them."""

from __future__ import annotations

import doctest
import importlib
import json
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml

from grafana.proof.board import opened
from grafana.proof.choice import Choice, substitute
from grafana.proof.emptiness import unexpected
from grafana.proof.errors import ProofError
from grafana.proof.incidents.course import MINUTES, durations, steps, total
from grafana.proof.interval import period
from grafana.proof.rules import hurried, rules
from grafana.proof.scene import Question

GRAFANA = Path(__file__).parent.parent.parent / "grafana"
FOUND = MappingProxyType(
    {
        "job": Choice(("driftgate",), every=".+", several=True),
        "model": Choice(("flights", "a.b"), several=True),
        "gate": Choice(('accuracy "worse"',)),
    }
)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{job=~"$job"}', '{job=~".+"}'),
        ('{model=~"${model}"}', r'{model=~"(flights|a\\.b)"}'),
        ('{gate="[[gate]]"}', r'{gate="accuracy \"worse\""}'),
        ("rate(x[$__rate_interval])", "rate(x[60s])"),
        ("${model:csv} of $unknown, ${__field.name}", "flights,a.b of $unknown, ${__field.name}"),
        ("${model:text}, ${job:text}", "flights + a.b, All"),
    ],
)
def test_variables_are_put_in_their_places(text: str, result: str) -> None:
    """Several values as an expression that matches any of them; what is not ours stays as it is."""
    assert substitute(text, FOUND, {"__rate_interval": "60s"}) == result


def test_a_form_that_is_not_known_is_refused() -> None:
    """Rather than to ask for something else than Grafana would."""
    with pytest.raises(ProofError, match="'sqlstring'"):
        substitute("${model:sqlstring}", FOUND, {})


@pytest.mark.parametrize(
    ("seconds", "points", "scrape_s", "step"), [(3600, 900, 15, 15), (21600, 500, 15, 60), (60, 900, 1, 1)]
)
def test_steps_fit_the_pixels_and_the_scrapes(seconds: float, points: int, scrape_s: float, step: float) -> None:
    """Never more points than pixels, nor than scrapes."""
    assert period(1000, 1000 + seconds, points, scrape_s).step == step


def test_closed_rows_are_opened() -> None:
    """And what was below them moves down."""

    def panel(kind: str, y: int, h: int, **more: object) -> dict[str, object]:
        return {"type": kind, "gridPos": {"x": 0, "y": y, "w": 24, "h": h}, **more}

    closed = panel("row", 4, 1, collapsed=True, panels=[panel("stat", 5, 6), panel("table", 11, 2)])
    found = opened({"panels": [panel("stat", 0, 4), closed, panel("row", 5, 1), panel("text", 6, 3)]})
    assert [(one["type"], one["gridPos"]["y"]) for one in found] == [
        ("stat", 0),
        ("row", 4),
        ("stat", 5),
        ("table", 11),
        ("row", 13),
        ("text", 14),
    ]


def test_hurried_rules_say_the_same_without_waiting(tmp_path: Path) -> None:
    """Only patience is taken from them."""
    copies = hurried(GRAFANA / "rules", tmp_path)
    assert rules(tmp_path) == rules(GRAFANA / "rules")
    assert not any("for" in rule for path in copies for group in _groups(path) for rule in group["rules"])
    assert not any("interval" in group for path in copies for group in _groups(path))


def test_only_what_is_silent_without_a_reason_is_named() -> None:
    """A question with an answer is no trouble, nor one that need not have any."""
    answered = Question("overview · Requests · A", "x", False, [{"metric": {}}])
    excused = Question("drift · annotation Alerts", "y", False, [])
    silent = Question("drift · Ranking · A", "z", True, [])
    assert unexpected([answered, excused, silent]) == ["drift · Ranking · A: z"]


def test_courses_are_what_their_names_say() -> None:
    """Counters rise, buckets are cumulated, and steps begin at their minute."""
    counted = durations((0.1, 1.0), 5 + 0 * MINUTES, 0.1)
    assert (counted.buckets[1:] >= counted.buckets[:-1]).all()
    assert counted.buckets[-1][-1] == pytest.approx(total(5)[-1])
    assert counted.buckets[0][-1] == pytest.approx(total(2.5)[-1])
    weight = steps((-360, 0.0), (-100, 0.5))
    assert list(weight[[0, 259, 260, 360]]) == [0, 0, 0.5, 0.5]


@pytest.mark.parametrize("name", ["choice", "emptiness", "interval", "incidents.recorded"])
def test_examples_run(name: str) -> None:
    """Those of the docstrings."""
    found = doctest.testmod(importlib.import_module(f"grafana.proof.{name}"))
    assert found.attempted
    assert not found.failed


def test_the_lock_of_the_page_names_no_address() -> None:
    """Its packages come from whichever registry npm is told to use, and each is held by its hash."""
    packages = json.loads((GRAFANA / "drawing" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert not [name for name, package in packages.items() if "resolved" in package]
    assert not [name for name, package in packages.items() if name and "integrity" not in package]


def test_the_page_bundles_nothing_under_another_licence_than_its_own() -> None:
    """Grafana's components are Apache-2.0; its data source for Prometheus is not, and is not among them."""
    packages = json.loads((GRAFANA / "drawing" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert "node_modules/@grafana/prometheus" not in packages
    assert not [name for name, package in packages.items() if "AGPL" in str(package.get("license"))]


def _groups(path: Path) -> list[dict[str, list[dict[str, object]]]]:
    found: list[dict[str, list[dict[str, object]]]] = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    return found
