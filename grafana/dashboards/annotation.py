"""Annotations: what happened, over every chart."""

from __future__ import annotations

from grafana.dashboards.alert import FIRING
from grafana.dashboards.foundation import builders, dashboard
from grafana.dashboards.query import SOURCE, Query
from grafana.dashboards.scope import Scope

_STEP = "15s"
"""How long a stretch of an event is; longer where the time range has too many."""

_HAPPENED = "increase(driftgate_rollout_events_total[$__rate_interval]) > 0"
_CHANGED = "changes(driftgate_revision[$__rate_interval]) > 0"


def events(scope: Scope) -> list[dashboard.AnnotationQuery]:
    """Rollouts, loads and firing alerts, for the gateways and the model that the dashboard looks at."""
    scope = scope.without("version", "role", "feature", "metric")
    return [
        _annotation(
            "Rollouts",
            "purple",
            f"max by (model, event) ({_HAPPENED})",
            "{{model}}: {{event}}",
            "What happened to the rollout, of itself or by a person's doing; driftgate history says who, when and why",
            "model,event",
            scope,
        ),
        _annotation(
            "Loads",
            "blue",
            # What a rollout changes is told by the annotation above.
            f"max by (job, instance) ({_CHANGED}) unless on (job, instance) ({_HAPPENED})",
            "Loaded, unloaded or applied",
            "driftgate_revision of {{instance}} has changed",
            "instance",
            scope.without("model"),
        ),
        _annotation(
            "Alerts",
            "red",
            f"max by (alertname, severity, model, version) ({FIRING} unless {FIRING} offset $__rate_interval)",
            "{{alertname}} began to fire",
            "{{severity}} {{model}} {{version}}",
            "severity,model",
            scope,
        ),
    ]


def _annotation(
    name: str, colour: str, expr: str, title: str, text: str, tags: str, scope: Scope
) -> dashboard.AnnotationQuery:
    narrowed = scope.narrow(expr)
    query = (
        builders.AnnotationQuery()
        .name(name)
        .datasource(SOURCE)
        .enable(True)
        .hide(False)
        .icon_color(colour)
        .expr(narrowed)
        .title_format(title)
        .text_format(text)
        .tag_keys(tags)
        .step(_STEP)
        .use_value_for_time(False)
        .build()
    )
    # Grafana reads the expression from either place, by its version.
    target = Query(expr).target(0, scope)
    query.target = target
    return query
