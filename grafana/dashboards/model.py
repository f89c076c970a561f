"""One model: its traffic, its versions side by side, and where the time goes."""

from __future__ import annotations

from grafana.dashboards import figure, objective
from grafana.dashboards.board import Board, Section, band
from grafana.dashboards.chart import areas, heat, lines
from grafana.dashboards.figure import Column, number
from grafana.dashboards.foundation import units
from grafana.dashboards.link import to_dashboard
from grafana.dashboards.look import GOOD, PLAIN, WATCH, Look, above
from grafana.dashboards.override import Override, coloured
from grafana.dashboards.panel import Panel
from grafana.dashboards.query import Query
from grafana.dashboards.scope import Scope
from grafana.dashboards.signals import errors_by, load, quantile_by, rate_errors_p95, refusals, requests_by
from grafana.dashboards.traffic import REQUESTS, error_ratio, quantile, rate
from grafana.dashboards.variable import one, several, values_of

_LOADED = "driftgate_version_replicas"
_WHOLE = ("version",)
"""What concerns the model as a whole: requests that were refused before a version was chosen have none."""


def _strip() -> tuple[Panel, ...]:
    return (
        *rate_errors_p95(_WHOLE),
        number(
            "p50", "Half of the answers are ready within this time.", quantile(0.5), objective.LATENCIES, wide=_WHOLE
        ),
        number(
            "Budget left",
            "What is left of the error budget of 30 days: 100 % is untouched, below 0 it is overdrawn.",
            "min(model:driftgate_availability_budget:remaining30d)",
            objective.BUDGET._replace(empty="No traffic yet"),
        ),
        number(
            "Latency budget",
            "What is left of the budget of slow answers of 30 days.",
            "min(model:driftgate_latency_budget:remaining30d)",
            objective.BUDGET._replace(empty="No traffic yet"),
        ),
        number(
            "Versions",
            "Versions that at least one replica can answer with.",
            f"count(max by (version) ({_LOADED}) > 0)",
            Look(units.NoUnit, ((None, PLAIN),), empty="None is loaded", least=0),
            wide=_WHOLE,
        ),
        number(
            "Alarms",
            "Alarms of the monitors that fire for the versions that answer clients.",
            'sum(driftgate_alarm{role="primary"})',
            objective.ALARMS,
            links=(to_dashboard("driftgate-drift", "Drift", model="${model}"),),
            wide=_WHOLE,
        ),
    )


def _red() -> tuple[Panel, ...]:
    return (
        requests_by("version"),
        refusals(_WHOLE),
        lines(
            "Duration",
            "From the request's arrival in the replica to its answer. Points are single requests with a trace; dashed, the "
            "objective for p95.",
            tuple(Query(quantile(at), f"p{at * 100:g}", exemplars=at == 0.95) for at in (0.99, 0.95, 0.5)),
            objective.LATENCIES,
            limit=True,
        ),
    )


def _versions() -> Panel:
    drift = (to_dashboard("driftgate-drift", "Drift", model="${model}", version="${__data.fields.Version}"),)
    loaded = f"max by (version) ({_LOADED})"
    psi = 'max by (version) (driftgate_drift_score{role="primary", statistic="psi"})'
    columns = (
        Column(
            "Replicas", loaded, Look(units.NoUnit, ((None, WATCH), (1, GOOD)), ((0, "Not ready", WATCH),)), "color-text"
        ),
        Column(
            "Weight",
            "max by (version) (driftgate_rollout_weight)",
            objective.SHARE._replace(empty="–", most=1),
            "gauge",
        ),
        Column("Requests", f"sum by (version) ({rate(REQUESTS)}) and {loaded} or {loaded} * 0", objective.RATE),
        Column("Errors", f"{error_ratio('version')} and {loaded}", objective.ERRORS._replace(empty="–"), "color-text"),
        *(
            Column(f"p{at * 100:g}", quantile(at, "version"), objective.LATENCIES._replace(empty="–"), "color-text")
            for at in (0.5, 0.95, 0.99)
        ),
        Column("Largest PSI", psi, objective.DRIFT, "color-text", links=drift),
        Column(
            "Alarms",
            'sum by (version) (driftgate_alarm{role="primary"})',
            objective.ALARMS._replace(empty="–"),
            "color-text",
            links=drift,
        ),
        Column(
            "Shadow disagrees",
            "max by (version) (driftgate_shadow_disagreement_ratio)",
            Look(units.PercentUnit, above(0.05, 0.2), empty="No shadow", decimals=1),
            "color-text",
        ),
    )
    return figure.table(
        "Versions side by side",
        "Every version that is loaded, with what it does now.",
        {"version": "Version"},
        columns,
        "No version is loaded",
        sort=("Requests", True),
        overrides=(Override("Version", {"custom.width": 80}),),
    )


def _compared() -> tuple[Panel, ...]:
    return (
        areas(
            "Share of the traffic",
            "Which version answered, of all answered requests of clients.",
            (
                Query(
                    f"sum by (version) ({rate('driftgate_request_duration_seconds_count', role='primary')}) > 0",
                    "v{{version}}",
                ),
            ),
            objective.SHARE,
            shares=True,
        ),
        errors_by("version"),
        quantile_by(0.95, "version"),
    )


def _mean(series: str) -> str:
    count = f"sum({rate('driftgate_request_duration_seconds_count', role='primary')})"
    return f"sum({rate(f'{series}_sum', role='primary')}) / ({count} > 0)"


def _time() -> tuple[Panel, ...]:
    total, queue, compute = (_mean(f"driftgate_{part}_duration_seconds") for part in ("request", "queue", "inference"))
    return (
        heat(
            "How long answers take",
            "How many requests of clients a second were answered within each bucket of time.",
            Query(
                f"sum by (le) ({rate('driftgate_request_duration_seconds_bucket', role='primary')})",
                "{{le}}",
                form="heatmap",
            ),
            Look(units.RequestsPerSecond),
            rows=units.Seconds,
            least=0.005,
        ),
        areas(
            "Where the time goes",
            "The mean answer: waiting for a worker or a batch, the run of the model, and everything else (parsing, routing, "
            "recording, writing).",
            (
                Query(f"clamp_min({total} - {queue} - {compute}, 0)", "overhead"),
                Query(queue, "queue"),
                Query(compute, "compute"),
            ),
            Look(units.Seconds, least=0),
            overrides=(coloured("overhead", "purple"), coloured("queue", "orange"), coloured("compute", "blue")),
        ),
    )


def _saturation() -> tuple[Panel, ...]:
    return (
        load(),
        lines(
            "Time in the queue",
            "Waiting for a worker, or for a batch. What waits long while the model runs fast wants more replicas.",
            tuple(
                Query(quantile(at, series="driftgate_queue_duration_seconds_bucket"), f"p{at * 100:g}")
                for at in (0.99, 0.5)
            ),
            Look(units.Seconds, least=0),
        ),
        lines(
            "Rows by request",
            "Rows in a request, in the mean; a client that begins to send batches shows here.",
            (
                Query(
                    f"sum by (version) ({rate('driftgate_rows_total', role='primary')}) / (sum by (version) "
                    f"({rate('driftgate_request_duration_seconds_count', role='primary')}) > 0)",
                    "v{{version}}",
                ),
            ),
            Look(units.NoUnit, least=0),
        ),
    )


def _routing() -> tuple[Panel, ...]:
    return (
        areas(
            "Routes",
            "Why a version was chosen (docs/routing.md): by weight, by a rule, by the rollout, or pinned by the path.",
            (
                Query(
                    f"sum by (route) ({rate('driftgate_routed_requests_total', role='primary')})",
                    "{{route}}",
                ),
            ),
            objective.FLOW,
        ),
        lines(
            "Shadows are behind",
            "Age of the oldest primary that waits for its shadow.",
            (Query("max by (version) (driftgate_shadow_lag_seconds)", "v{{version}}"),),
            Look(units.Seconds, above(300), empty="No shadow runs", least=0),
            limit=True,
        ),
    )


def _shadows() -> tuple[Panel, ...]:
    return (
        lines(
            "Shadows disagree",
            "Share of the rows that a shadow answered otherwise than the primary did.",
            (
                Query(
                    "max by (version, primary) (driftgate_shadow_disagreement_ratio)",
                    "v{{version}} against v{{primary}}",
                ),
            ),
            Look(units.PercentUnit, above(0.05, 0.2), empty="No shadow has answered yet", least=0),
        ),
        lines(
            "Distance of shadows' scores",
            "Mean difference between a shadow's score and the primary's, of the same rows, in the score's unit.",
            (
                Query(
                    "max by (version, primary) (driftgate_shadow_score_distance)", "v{{version}} against v{{primary}}"
                ),
            ),
            Look(units.NoUnit, empty="No shadow has a score yet", least=0),
        ),
        lines(
            "Cost of shadows",
            "Compute time of a row in a shadow, for one of the primary's.",
            (Query("max by (version, primary) (driftgate_shadow_cost_ratio)", "v{{version}} against v{{primary}}"),),
            Look(units.NoUnit, empty="No shadow has answered yet", least=0),
        ),
    )


BOARD = Board(
    "driftgate-model",
    "driftgate / Model",
    "One model: rate, errors and duration, versions side by side, and where the time goes.",
    (
        Section("", (band(5, *_strip()), band(8, *_red()))),
        Section("Versions", (band(6, _versions()), band(8, *_compared()))),
        Section("Time and saturation", (band(9, *_time()), band(7, *_saturation()))),
        Section("Routes and shadows", (band(7, *_routing()), band(7, *_shadows()))),
    ),
    ("model", "version"),
    (
        one("model", "Model", values_of("model", _LOADED, Scope())),
        several("version", "Version", values_of("version", _LOADED, Scope(("model",)))),
    ),
)
