"""Kinds of panels that show what is now: a number, bars, columns, a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from grafana.dashboards.foundation import barchart, bargauge, common, dashboard, parts, stat
from grafana.dashboards.foundation import table as tables
from grafana.dashboards.look import Look
from grafana.dashboards.override import Override, looks
from grafana.dashboards.panel import Panel
from grafana.dashboards.query import Query, letters

_WORD = Look(empty="–")
"""A label that a row does not have."""


class Column(NamedTuple):
    """One column of a table: a query that gives one value for each row. cell: how it is painted."""

    name: str
    expr: str
    look: Look
    cell: Literal["auto", "color-text", "color-background", "gauge"] = "auto"
    width: int | None = None
    links: tuple[dashboard.DashboardLink, ...] = ()


def number(
    title: str,
    about: str,
    expr: str,
    look: Look,
    *,
    now: bool = False,
    filled: bool = False,
    legend: str = "",
    wide: tuple[str, ...] = (),
    links: Sequence[dashboard.DashboardLink] = (),
) -> Panel:
    """One number, the newest. now: asked for at one moment only. filled: its colour fills the panel.
    legend: what is shown in the number's place."""
    drawn = (
        stat.Panel()
        .graph_mode(common.BigValueGraphMode.NONE)  # a line behind the number makes it hard to read
        .color_mode(common.BigValueColorMode.BACKGROUND if filled else common.BigValueColorMode.VALUE)
        .text_mode(common.BigValueTextMode.NAME if legend else common.BigValueTextMode.VALUE)
        .justify_mode(common.BigValueJustifyMode.CENTER)
        .reduce_options(_newest())
        .orientation(common.VizOrientation.AUTO)
    )
    return Panel(title, about, (Query(expr, legend or title, now=now, wide=wide),), look, drawn, links=links)


def bars(
    title: str,
    about: str,
    queries: Sequence[Query],
    look: Look,
    *,
    overrides: Sequence[Override] = (),
    links: Sequence[dashboard.DashboardLink] = (),
) -> Panel:
    """A ranking: one bar for each series, lying, longest as the queries sort them."""
    drawn = (
        bargauge.Panel()
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .orientation(common.VizOrientation.HORIZONTAL)
        .value_mode(common.BarGaugeValueMode.TEXT)
        .name_placement(common.BarGaugeNamePlacement.LEFT)
        .show_unfilled(True)
        .min_viz_height(12)
        .max_viz_height(24)
        .reduce_options(_newest())
    )
    return Panel(title, about, queries, look, drawn, overrides=overrides, links=links)


def columns(
    title: str,
    about: str,
    by: str,
    queries: Sequence[Query],
    look: Look,
    *,
    overrides: Sequence[Override] = (),
) -> Panel:
    """Standing bars side by side: for each value of the label `by`, one of each query; sorted by the label."""
    legend = parts.VizLegendOptions().show_legend(True).display_mode(common.LegendDisplayMode.LIST)
    drawn = (
        barchart.Panel()
        .orientation(common.VizOrientation.VERTICAL)
        .x_field(by)
        .bar_width(0.9)
        .group_width(0.8)
        .fill_opacity(70)
        .line_width(0)
        .show_value(common.VisibilityMode.NEVER)
        .x_tick_label_rotation(-30)
        .x_tick_label_max_length(18)
        .legend(legend.placement(common.LegendPlacement.BOTTOM))
        .tooltip(parts.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.NONE))
    )
    names = {_value(at, len(queries)): query.legend for at, query in enumerate(queries)}
    transformations = [
        *_merged((by,), names),
        dashboard.DataTransformerConfig("sortBy", options={"sort": [{"field": by, "desc": False}]}),
    ]
    asked = [query._replace(form="table", now=True) for query in queries]
    palette = dashboard.FieldColorModeId.PALETTE_CLASSIC
    return Panel(title, about, asked, look, drawn, palette, overrides, transformations)


def table(
    title: str,
    about: str,
    by: dict[str, str],
    values: Sequence[Column],
    empty: str,
    *,
    sort: tuple[str, bool] | None = None,
    overrides: Sequence[Override] = (),
    wide: tuple[str, ...] = (),
) -> Panel:
    """One row for each combination of the labels `by` (label → heading), one column for each query. sort: a heading, and whether
    the largest stands first."""
    drawn = tables.Panel().show_header(True).cell_height(common.TableCellHeight.SM).min_width(60)
    if sort is not None:
        drawn.sort_by([parts.TableSortByFieldState().display_name(sort[0]).desc(sort[1])])
    queries = [Query(value.expr, value.name, now=True, form="table", wide=wide) for value in values]
    names = {**by, **{_value(at, len(values)): value.name for at, value in enumerate(values)}}
    painted = [*(looks(heading, _WORD) for heading in by.values()), *(_painted(value) for value in values)]
    return Panel(
        title,
        about,
        queries,
        Look(empty=empty),
        drawn,
        overrides=[*painted, *overrides],
        transformations=_merged(tuple(by), names),
    )


def _painted(column: Column) -> Override:
    cell: dict[str, object] = {"type": column.cell}
    if column.cell == "gauge":
        cell.update(mode="basic", valueDisplayMode="text")
    elif column.cell == "color-background":
        cell.update(mode="basic")
    custom: dict[str, object] = {"cellOptions": cell, "align": "right" if column.cell != "gauge" else "left"}
    if column.width is not None:
        custom["width"] = column.width
    override = looks(column.name, column.look, **custom)
    colour = {"color": {"mode": "thresholds"}}
    links = {"links": list(column.links)} if column.links else {}
    return Override(column.name, {**override.properties, **colour, **links})


def _merged(labels: tuple[str, ...], names: dict[str, str]) -> list[dashboard.DataTransformerConfig]:
    """One table of the answers of all queries: labels first, then values in the order of the queries, under these names."""
    order = {name: place for place, name in enumerate([*labels, *(name for name in names if name not in labels)])}
    return [
        dashboard.DataTransformerConfig("merge", options={}),
        dashboard.DataTransformerConfig(
            "organize", options={"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names}
        ),
    ]


def _value(place: int, of: int) -> str:
    """What Grafana calls the value of a query in a table."""
    return "Value" if of == 1 else f"Value #{letters(place)}"


def _newest() -> parts.ReduceDataOptions:
    return parts.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)
