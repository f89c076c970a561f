"""Panels that several dashboards share: rate, errors, duration and load, of everything or side by side."""

from __future__ import annotations

from collections.abc import Sequence

from grafana.dashboards import objective
from grafana.dashboards.chart import areas, lines
from grafana.dashboards.figure import number
from grafana.dashboards.foundation import dashboard, units
from grafana.dashboards.look import Look, above
from grafana.dashboards.panel import Panel
from grafana.dashboards.query import Query, or_else
from grafana.dashboards.traffic import REQUESTS, error_ratio, quantile, rate

Labels = tuple[str, ...]
Links = Sequence[dashboard.DashboardLink]

LOAD = Look(units.PercentUnit, above(0.7, 0.9), empty="Gateway silent", least=0, most=1, decimals=0)
_ANSWERED = rate("driftgate_request_duration_seconds_count", role="primary")
_REFUSED = rate("driftgate_requests_total", role="primary", outcome="!ok")
_REFUSED_AT_ALL = 'sum by (outcome) (increase(driftgate_requests_total{role="primary", outcome!="ok"}[$__range])) > 0'
_MILLISECONDS = f"{objective.SLOW_FROM * 1000:g} ms"


def rate_errors_p95(wide: Labels = (), links: Links = ()) -> tuple[Panel, Panel, Panel]:
    """Three numbers. wide: labels that they do not narrow."""
    return (
        number(
            "Requests",
            "Requests of clients in a second, answered or not.",
            or_else(f"sum({rate(REQUESTS)})", 0),
            objective.RATE,
            wide=wide,
            links=links,
        ),
        number(
            "Errors",
            "Share of the requests that fail without the client's fault. Orange: more than the objective allows in the long "
            "run; red: the budget of 30 days would be gone in two days.",
            error_ratio(),
            objective.ERRORS,
            wide=wide,
            links=links,
        ),
        number(
            "p95",
            f"95 % of the answers are ready within this time; the objective is {_MILLISECONDS}.",
            quantile(0.95),
            objective.LATENCIES,
            wide=wide,
            links=links,
        ),
    )


def _legend(label: str) -> str:
    return "v{{version}}" if label == "version" else f"{{{{{label}}}}}"


def requests_by(label: str, all_of_them: bool = False) -> Panel:
    """Stacked by a label. all_of_them: those that were refused too, which may have no version."""
    asked = rate(REQUESTS) if all_of_them else _ANSWERED
    about = (
        "Requests of clients in a second, answered or not"
        if all_of_them
        else "Answered requests of clients in a second"
    )
    return areas(
        f"Requests by {label}",
        f"{about}, by {label}.",
        (Query(f"sum by ({label}) ({asked})", _legend(label)),),
        objective.FLOW,
    )


def errors_by(label: str) -> Panel:
    """One line for each value of a label, and the objective."""
    return lines(
        f"Errors by {label}",
        "Share of the requests that fail without the client's fault. Dashed: what the objective allows in the long run, and "
        "what spends the budget of 30 days in two.",
        (Query(error_ratio(label), _legend(label)),),
        objective.ERRORS,
        limit=True,
    )


def quantile_by(at: float, label: str) -> Panel:
    """One line for each value of a label, and the objective."""
    name = f"p{at * 100:g}"
    return lines(
        f"{name} by {label}",
        f"{at:.0%} of the answers are ready within this time; the objective is {_MILLISECONDS} for p95.",
        (Query(quantile(at, label), _legend(label)),),
        objective.LATENCIES,
        limit=True,
    )


def refusals(wide: Labels = ()) -> Panel:
    """Stacked by their code."""
    return areas(
        "Refusals by reason",
        "Requests that got no answer in a second, by the code of their refusal; the client's own faults too.",
        (Query(f"sum by (outcome) ({_REFUSED}) and on (outcome) {_REFUSED_AT_ALL}", "{{outcome}}", wide=wide),),
        Look(units.RequestsPerSecond, empty="No request was refused", least=0, reach=1),
    )


def load() -> Panel:
    """How busy the busiest replica is, and how full the gateway."""
    return lines(
        "Load",
        "Share of time in which the busiest replica had work, and of its room for requests under way that is used, all models "
        "together. At 100 % requests wait, or are refused.",
        (
            Query("max(driftgate_load_ratio)", "busy"),
            Query("sum(driftgate_requests_in_flight) / sum(driftgate_requests_in_flight_limit)", "room used"),
        ),
        LOAD,
        limit=True,
    )
