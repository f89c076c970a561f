"""Which model, version and role the dashboards of the monitors look at: those of which something was measured."""

from __future__ import annotations

from grafana.dashboards.foundation import dashboard
from grafana.dashboards.scope import Scope
from grafana.dashboards.variable import one, values_of

SCOPE = Scope(("model", "role", "version"))
WATCHED = Scope(("model", "version"))
"""For what is measured of the answers to clients only."""

_WINDOWS = "driftgate_window_rows"


def model_role_version() -> tuple[dashboard.VariableModel, ...]:
    """One model, `primary` or `shadow`, and one version: the newest of them that has been measured."""
    return (
        one("model", "Model", values_of("model", "driftgate_version_replicas", Scope())),
        one("role", "Role", values_of("role", _WINDOWS, Scope(("model",)))),
        one("version", "Version", values_of("version", _WINDOWS, Scope(("model", "role"))), newest=True),
    )
