"""Is anything wrong, and where: the first dashboard to open."""

from __future__ import annotations

from grafana.dashboards import figure, objective
from grafana.dashboards.alert import FIRING
from grafana.dashboards.board import Board, Section, band
from grafana.dashboards.chart import lines, states
from grafana.dashboards.figure import Column, number
from grafana.dashboards.foundation import units
from grafana.dashboards.link import to_dashboard
from grafana.dashboards.look import BAD, FAINT, GOOD, PLAIN, WATCH, Look, above
from grafana.dashboards.override import Override, looks
from grafana.dashboards.panel import Panel
from grafana.dashboards.phase import IN_PHASE, PHASE
from grafana.dashboards.query import Query, or_else
from grafana.dashboards.signals import errors_by, load, quantile_by, rate_errors_p95, refusals, requests_by
from grafana.dashboards.traffic import REQUESTS, error_ratio, quantile, rate

_MODELS = "max by (model) (driftgate_version_replicas)"
_DRIFTING = (
    f"sum by (model) (max by (model, version, feature) "
    f'(driftgate_drift_score{{role="primary", statistic="psi"}}) >= bool {objective.DRIFT.steps[1][0]:g})'
)
_UNDER_WAY = 'driftgate_rollout_phase{phase=~"pending|running|paused|waiting_approval"}'


def _strip() -> tuple[Panel, ...]:
    to_model = (to_dashboard("driftgate-model", "Model"),)
    to_gateway = (to_dashboard("driftgate-gateway", "Gateway internals"),)
    return (
        *rate_errors_p95(links=to_model),
        number(
            "Budget left",
            "Error budget of 30 days, of the model that has least left: 100 % is untouched, below 0 it is overdrawn.",
            "min(model:driftgate_availability_budget:remaining30d)",
            objective.BUDGET._replace(empty="No traffic yet"),
            links=to_model,
        ),
        number(
            "Replicas",
            "Replicas that serve.",
            'sum(driftgate_replicas{state="serving"})',
            Look(units.NoUnit, ((None, BAD), (1, GOOD)), empty="Gateway silent", least=0),
            links=to_gateway,
        ),
        number(
            "Unreachable",
            "Gateways that cannot be scraped, and replicas that should be there and do not report.",
            "(count(up == 0 and on (job, instance) present_over_time(driftgate_observer_lag_seconds[$__range]))"
            " or on() vector(0))"
            ' + (sum(driftgate_replicas{state="unreachable"}) or on() vector(0))',
            Look(units.NoUnit, ((None, GOOD), (1, BAD)), ((0, "None", GOOD),), least=0),
            links=to_gateway,
        ),
        number(
            "Drifting",
            "Features, and answers, whose PSI in the last window is 0.1 or more; alarms say whether that is more than chance.",
            or_else(f"sum({_DRIFTING})", 0),
            Look(units.NoUnit, above(1), ((0, "None", GOOD),), least=0),
            links=(to_dashboard("driftgate-drift", "Drift"),),
        ),
        number(
            "Rollouts",
            "Rollouts that are pending, running, paused, or wait for approval.",
            or_else(f"sum({_UNDER_WAY})", 0),
            Look(units.NoUnit, ((None, PLAIN),), ((0, "None", FAINT),), least=0),
            links=(to_dashboard("driftgate-rollout", "Rollout"),),
        ),
    )


def _alerts() -> Panel:
    labels = "alertname, severity, model, version"
    severities = {
        "critical": {"text": "critical", "color": BAD, "index": 0},
        "warning": {"text": "warning", "color": WATCH, "index": 1},
    }
    painted: dict[str, object] = {
        "mappings": [{"type": "value", "options": severities}],
        "custom.cellOptions": {"type": "color-background", "mode": "basic"},
        "custom.width": 80,
    }
    return figure.table(
        "Alerts that fire",
        "Every alert that Prometheus holds to be firing, the worst first; each has a page in docs/runbooks.",
        {"severity": "Severity", "alertname": "Alert", "model": "Model", "version": "Version"},
        (
            Column(
                "For",
                f"time() - max by ({labels}) (ALERTS_FOR_STATE) and on ({labels}) max by ({labels}) ({FIRING})",
                Look(units.Seconds, ((None, FAINT),), decimals=0),
                width=90,
            ),
        ),
        "No alert fires",
        sort=("Severity", False),
        overrides=(
            Override("Severity", painted),
            Override("Version", {"custom.width": 70}),
            Override("Model", {"custom.width": 100}),
        ),
    )


def _models() -> Panel:
    chosen = "${__data.fields.Model}"
    model = (to_dashboard("driftgate-model", "Model", model=chosen),)
    drift = (to_dashboard("driftgate-drift", "Drift", model=chosen),)
    rollout = (to_dashboard("driftgate-rollout", "Rollout", model=chosen),)
    performance = (to_dashboard("driftgate-performance", "Performance", model=chosen),)
    zero = f"{_MODELS} * 0"
    return figure.table(
        "Models",
        "Every model that is loaded. A click on a value leads to what is behind it.",
        {"model": "Model"},
        (
            Column("Requests", f"sum by (model) ({rate(REQUESTS)}) or {zero}", objective.RATE, links=model),
            Column("Errors", error_ratio("model"), objective.ERRORS, "color-text", links=model),
            Column("p95", quantile(0.95, "model"), objective.LATENCIES, "color-text", links=model),
            Column(
                "Budget left",
                "min by (model) (model:driftgate_availability_budget:remaining30d)",
                objective.BUDGET,
                "color-text",
                links=model,
            ),
            Column(
                "Alarms",
                f'sum by (model) (driftgate_alarm{{role="primary"}}) or {zero}',
                objective.ALARMS,
                "color-text",
                links=performance,
            ),
            Column(
                "Drifting",
                f"{_DRIFTING} or {zero}",
                Look(units.NoUnit, above(1), ((0, "None", GOOD),)),
                "color-text",
                links=drift,
            ),
            Column(
                "Rollout",
                f"{PHASE} or {zero}",
                IN_PHASE,
                "color-text",
                130,
                links=rollout,
            ),
        ),
        "No model is loaded",
        sort=("Requests", True),
        overrides=(looks("Model", Look(), minWidth=110), Override("Model", {"links": list(model)})),
    )


def _traffic() -> Section:
    by_model = (requests_by("model", all_of_them=True), errors_by("model"), quantile_by(0.95, "model"))
    return Section("Traffic", (band(8, *by_model),))


def _objectives() -> Section:
    return Section(
        "Objectives and alarms",
        (
            band(
                8,
                figure.bars(
                    "Budget left by model",
                    f"Error budget of 30 days: {objective.AVAILABILITY:.1%} of the requests must be answered.",
                    (
                        Query(
                            "sort(min by (model) (model:driftgate_availability_budget:remaining30d))",
                            "{{model}}",
                            now=True,
                        ),
                    ),
                    objective.BUDGET._replace(least=0, most=1, empty="No traffic yet"),
                ),
                lines(
                    "How fast the budget burns",
                    "Errors of the last hour, as a multiple of what the objective allows: at 1 the budget lasts 30 days, at "
                    "14.4 two days. Dashed: where alerts begin.",
                    (
                        Query(
                            "max by (model) (model:driftgate_request_errors:ratio_rate1h)"
                            " / (1 - scalar(slo:driftgate_availability:objective))",
                            "{{model}}",
                        ),
                    ),
                    objective.BURN,
                    limit=True,
                ),
                states(
                    "Alarms of the monitors",
                    "Whether alarms of the monitors fire for a version that answers clients (docs/alarms.md).",
                    (
                        Query(
                            'sum by (model, version) (driftgate_alarm{role="primary"}) > bool 0',
                            "{{model}} v{{version}}",
                        ),
                    ),
                    objective.FIRING,
                    links=(to_dashboard("driftgate-drift", "Drift"),),
                ),
            ),
            band(
                7,
                refusals(),
                load(),
                lines(
                    "How far metrics are behind",
                    "Age of the oldest answer that has not been observed. Metrics, alarms and rollouts are as late.",
                    (Query("max(driftgate_observer_lag_seconds)", "lag"),),
                    Look(units.Seconds, above(60), least=0, empty="Gateway silent"),
                    limit=True,
                ),
            ),
        ),
    )


BOARD = Board(
    "driftgate-overview",
    "driftgate / Overview",
    "Is anything wrong, and where: all models of all gateways that are chosen.",
    (
        Section("", (band(5, *_strip()), band(9, _alerts(), _models(), widths=(9, 15)))),
        _traffic(),
        _objectives(),
    ),
)
