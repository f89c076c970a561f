"""Variables: what is chosen above a dashboard."""

from __future__ import annotations

from grafana.dashboards.foundation import builders, dashboard
from grafana.dashboards.query import SOURCE
from grafana.dashboards.scope import Scope
from grafana.dashboards.series import TARGET

_ALWAYS = "driftgate_observer_lag_seconds"
"""What every gateway exposes from its first second on."""


def source() -> dashboard.VariableModel:
    """Which Prometheus."""
    return builders.DatasourceVariable("datasource").label("Prometheus").type("prometheus").build()


def target(label: str) -> dashboard.VariableModel:
    """Which gateways: by `job` or `instance`; several, or all."""
    before = TARGET[: TARGET.index(label)]
    matchers = ", ".join(f'{name}=~"${name}"' for name in before)
    selected = f"{_ALWAYS}{{{matchers}}}" if matchers else _ALWAYS
    return several(label, label.capitalize(), f"label_values({selected}, {label})", every=".+")


def several(name: str, label: str, query: str, every: str = ".*") -> dashboard.VariableModel:
    """Any number of values; all at first. every: what all of them match; `.*` also what has none."""
    built = _asked(name, label, query).multi(True).include_all(True).all_value(every)
    return built.current(dashboard.VariableOption(selected=True, text="All", value="$__all")).build()


def one(name: str, label: str, query: str, *, newest: bool = False) -> dashboard.VariableModel:
    """One value: the first. newest: numbers, the largest first."""
    order = dashboard.VariableSort.NUMERICAL_DESC if newest else dashboard.VariableSort.ALPHABETICAL_ASC
    return _asked(name, label, query).sort(order).build()


def chosen(name: str, label: str, values: tuple[str, ...]) -> dashboard.VariableModel:
    """One of these values; the first to begin with."""
    options = [dashboard.VariableOption(selected=not at, text=value, value=value) for at, value in enumerate(values)]
    variable = builders.CustomVariable(name).label(label).values(",".join(values)).options(options)
    return variable.current(options[0]).build()


def values_of(label: str, selector: str, scope: Scope) -> str:
    """The query for the values of a label, within what the variables before it have chosen."""
    return f"label_values({scope.narrow(selector)}, {label})"


def _asked(name: str, label: str, query: str) -> builders.QueryVariable:
    return (
        builders.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": query, "refId": f"variable-{name}"})
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )
