"""Queries of dashboards: PromQL that asks only for what there is, for the gateways that are chosen, and as each kind wants it."""

from __future__ import annotations

import re

import pytest

from grafana.dashboards.scope import Scope
from grafana.dashboards.series import UnknownSeries, known
from tests.grafana.lint import DASHBOARDS, asked, grouped, panels, questions, selected

EACH = pytest.mark.parametrize("name", DASHBOARDS)
TARGET = {"job", "instance"}
LABELLED = {"ALERTS", "ALERTS_FOR_STATE"}
"""Prometheus' own series, which have the labels of whatever alert they are of."""


@EACH
def test_names_and_labels_are_in_the_catalogue(name: str) -> None:
    """Of the gateway's metrics, of what the rules record, or of Prometheus itself."""
    for where, expr in (*asked(name), *questions(name)):
        for found in selected(expr):
            for one in found.name.split("|"):
                labels = {*known()[one].labels, *(TARGET if known()[one].scraped else ())}
                assert set(found.matchers) - {"__name__"} <= labels or one in LABELLED, f"{where}: {found}"


@EACH
def test_labels_that_are_grouped_by_are_there(name: str) -> None:
    """In one of the series at least."""
    for where, expr in asked(name):
        labels = {label for found in selected(expr) for label in known()[found.name].labels}
        assert "*" in labels or grouped(expr) <= labels | TARGET, where


@EACH
def test_legends_name_labels_that_are_left(name: str) -> None:
    """One that was summed away would stand there empty."""
    for panel in panels(DASHBOARDS[name]):
        for target in panel["targets"]:
            labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            if not target["expr"].startswith("up "):
                assert labels <= grouped(target["expr"]), f"{name} · {panel['title']}"


@EACH
def test_only_the_chosen_gateways_are_asked_for(name: str) -> None:
    """`job` and `instance` narrow every series, but objectives, which are everyone's."""
    for where, expr in asked(name):
        for found in selected(expr):
            if known()[found.name].scraped:
                assert found.matchers["job"] == "$job", where
                assert found.matchers["instance"] in ("$instance", "$instance|"), where


@EACH
def test_variables_are_those_of_the_dashboard(name: str) -> None:
    """A matcher is one of them, or a value that the query means."""
    variables = {variable["name"] for variable in DASHBOARDS[name]["templating"]["list"]}
    for where, expr in (*asked(name), *questions(name)):
        used = {value.strip("$|") for found in selected(expr) for value in found.matchers.values() if "$" in value}
        assert used <= variables, where


@EACH
def test_counters_are_asked_how_fast_they_grow(name: str) -> None:
    """Their value itself means nothing: a restart sets it back."""
    for where, expr in asked(name):
        for found in selected(expr):
            counts = known()[found.name].kind in ("counter", "histogram")
            assert counts == bool({"rate", "irate", "increase"} & set(found.within)), f"{where}: {found}"


@EACH
def test_windows_follow_the_resolution(name: str) -> None:
    """A fixed one misses what lies between two points, or has no two samples."""
    for where, expr in asked(name):
        assert {part.split("]")[0] for part in expr.split("[")[1:]} <= {"$__rate_interval", "$__range"}, where


@EACH
def test_quantiles_are_of_buckets(name: str) -> None:
    """Summed with their bound, or there is no quantile."""
    for where, expr in asked(name):
        for found in selected(expr):
            if "histogram_quantile" in found.within:
                assert found.name.endswith("_bucket"), where
                assert "le" in grouped(expr), where


def test_a_series_that_is_none_is_refused() -> None:
    """When the dashboard is made, not when somebody looks at it."""
    with pytest.raises(UnknownSeries, match="driftgate_nonsense_total is neither in"):
        Scope().narrow("rate(driftgate_nonsense_total[5m])")


def test_what_a_query_says_of_a_label_stands() -> None:
    """No variable narrows it further."""
    scope = Scope(("model", "role"))
    assert scope.narrow('driftgate_rows_total{role="primary"}') == (
        'driftgate_rows_total{job=~"$job", instance=~"$instance", model=~"$model", role="primary"}'
    )


def test_objectives_are_not_narrowed() -> None:
    """They have no gateway, and no model."""
    assert Scope(("model",)).narrow("slo:driftgate_latency:objective") == "slo:driftgate_latency:objective"


def test_alerts_of_the_whole_gateway_concern_every_model() -> None:
    """So they are shown whichever model is chosen."""
    assert Scope(("model",)).narrow("ALERTS") == ('ALERTS{job=~"$job", instance=~"$instance|", model=~"$model|"}')
