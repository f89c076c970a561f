"""Queries of panels: PromQL with a legend, over time or of now."""

from __future__ import annotations

from typing import Literal, NamedTuple

from grafana.dashboards.foundation import common, prometheus, prometheus_models
from grafana.dashboards.scope import Scope

SOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
"""The Prometheus that is chosen above the dashboard."""


class Query(NamedTuple):
    """expr: PromQL, without the matchers of the dashboard's variables; these are added by its scope.

    legend: of each series, or the name of the column in a table. now: evaluated once, at the end of the time range. wide: labels
    that this query does not narrow, though the dashboard does. exemplars: whether single requests are shown as points.
    """

    expr: str
    legend: str = ""
    now: bool = False
    form: Literal["time_series", "table", "heatmap"] = "time_series"
    wide: tuple[str, ...] = ()
    exemplars: bool = False

    def target(self, place: int, scope: Scope) -> prometheus_models.Dataquery:
        """The query as the panel's number `place`."""
        built = (
            prometheus.Dataquery()
            .ref_id(letters(place))
            .datasource(SOURCE)
            .expr(scope.without(*self.wide).narrow(self.expr))
            .legend_format(self.legend or "__auto")
            .format(prometheus_models.PromQueryFormat(self.form))
            .editor_mode(prometheus_models.QueryEditorMode.CODE)
        )
        if self.exemplars:
            built = built.exemplar(True)
        return (built.instant() if self.now else built.range()).build()


def letters(place: int) -> str:
    """The reference of the query at that place: A, B, …, Z.

    >>> letters(2)
    'C'
    """
    return chr(ord("A") + place)


def or_else(expr: str, value: float) -> str:
    """The query, or `value` where it finds nothing: of sums without labels only, or it would be a series of its own.

    >>> or_else("sum(up)", 0)
    'sum(up) or on() vector(0)'
    """
    return f"{expr} or on() vector({value:g})"


def coded(series: str, label: str, values: tuple[str, ...], by: str) -> str:
    """Of series that are 1 for one value of a label and 0 for the others: the place of that value, from 1.

    >>> coded("driftgate_rollout_phase", "phase", ("pending", "running"), "model")
    'max by (model) (driftgate_rollout_phase{phase="pending"} == 1 or driftgate_rollout_phase{phase="running"} * 2 == 2)'
    """
    found = (
        f'{series}{{{label}="{value}"}}{f" * {place}" if place > 1 else ""} == {place}'
        for place, value in enumerate(values, 1)
    )
    return f"max by ({by}) ({' or '.join(found)})"
