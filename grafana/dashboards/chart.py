"""Kinds of panels that draw time: lines, areas, heat maps and states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from grafana.dashboards.foundation import (
    common,
    dashboard,
    heat_models,
    heatmap,
    parts,
    statetimeline,
    timeseries,
    units,
)
from grafana.dashboards.look import Look
from grafana.dashboards.override import Override
from grafana.dashboards.panel import Panel
from grafana.dashboards.query import Query

BAR_S = 180
"""Three times what is between scrapes, up to a minute: then `$__rate_interval` is one of these more than a bar, and what happens
is in one bar. Below, it would be four scrapes whatever the step, and in as many bars."""

_PALETTE = dashboard.FieldColorModeId.PALETTE_CLASSIC


def lines(
    title: str,
    about: str,
    queries: Sequence[Query],
    look: Look,
    *,
    limit: bool = False,
    overrides: Sequence[Override] = (),
    links: Sequence[dashboard.DashboardLink] = (),
) -> Panel:
    """Values over time. limit: thresholds are drawn as dashed lines."""
    drawn = _lines(look).fill_opacity(0 if len(queries) > 1 else 8)
    if limit:
        drawn.thresholds_style(parts.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED))
    return Panel(title, about, queries, look, drawn, _PALETTE, overrides, links=links)


def areas(
    title: str,
    about: str,
    queries: Sequence[Query],
    look: Look,
    *,
    shares: bool = False,
    steps: bool = False,
    bars: bool = False,
    overrides: Sequence[Override] = (),
    links: Sequence[dashboard.DashboardLink] = (),
) -> Panel:
    """Parts of a whole, stacked.

    shares: of 100 %. steps: values hold until the next one. bars: for what happens now and then, one for BAR_S or more.
    """
    drawn = _lines(look).fill_opacity(70 if shares else 30).line_width(1 if shares else 1.5)
    drawn.line_interpolation(common.LineInterpolation.STEP_AFTER if steps else common.LineInterpolation.LINEAR)
    if bars:
        drawn.draw_style(common.GraphDrawStyle.BARS).fill_opacity(80).interval(f"{BAR_S}s")
    mode = common.StackingMode.PERCENT if shares else common.StackingMode.NORMAL
    drawn.stacking(parts.StackingConfig().mode(mode).group("A"))
    return Panel(title, about, queries, look, drawn, _PALETTE, overrides, links=links)


def _lines(look: Look) -> timeseries.Panel:
    legend = (
        parts.VizLegendOptions()
        .show_legend(True)
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
    )
    tooltip = parts.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
    drawn = (
        timeseries.Panel()
        .draw_style(common.GraphDrawStyle.LINE)
        .line_width(1.5)
        .show_points(common.VisibilityMode.NEVER)
        .axis_border_show(False)
        .legend(legend)
        .tooltip(tooltip)
    )
    return drawn if look.reach is None else drawn.axis_soft_max(look.reach)


def heat(
    title: str,
    about: str,
    query: Query,
    look: Look,
    *,
    rows: str,
    scheme: Literal["Oranges", "Turbo", "Blues"] = "Oranges",
    most: float | None = None,
    least: float = 1e-9,
) -> Panel:
    """Values as colours, over time and by row.

    rows: unit of the rows' names; `none` where they are words, which are read from the top down. most: from which value on the
    colour stays the same. least: up to which value a cell stays empty.
    """
    colour = heat_models.HeatmapColorOptions(
        mode=heat_models.HeatmapColorMode.SCHEME,
        scheme=scheme,
        fill="dark-orange",
        exponent=0.5,
        steps=64,
        reverse=False,
        min_val=0,
        max_val=most,
    )
    drawn = heatmap.Panel().calculate(False).cell_gap(1).show_legend()
    built = drawn.build()
    assert isinstance(built.options, heat_models.Options)
    built.options.color = colour
    built.options.y_axis = heat_models.YAxisConfig(
        unit=rows, reverse=rows == units.NoUnit, axis_placement=common.AxisPlacement.LEFT
    )
    built.options.cell_values = heat_models.CellValues(unit=look.unit, decimals=look.decimals)
    built.options.tooltip = heat_models.HeatmapTooltip(
        mode=common.TooltipDisplayMode.SINGLE, y_histogram=False, show_color_scale=True
    )
    built.options.filter_values = heat_models.FilterValueRange(le=least)
    return Panel(title, about, (query,), look, drawn)


def states(
    title: str,
    about: str,
    queries: Sequence[Query],
    look: Look,
    *,
    written: bool = False,
    links: Sequence[dashboard.DashboardLink] = (),
) -> Panel:
    """What state each row was in, over time; equal neighbours are one. written: the states are written into their bars."""
    legend = parts.VizLegendOptions().show_legend(True).display_mode(common.LegendDisplayMode.LIST)
    drawn = (
        statetimeline.Panel()
        .merge_values(True)
        .row_height(0.85)
        .fill_opacity(75)
        .line_width(0)
        .show_value(common.VisibilityMode.AUTO if written else common.VisibilityMode.NEVER)
        .align_value(common.TimelineValueAlignment.LEFT)
        .legend(legend.placement(common.LegendPlacement.BOTTOM))
        .tooltip(parts.VizTooltipOptions().mode(common.TooltipDisplayMode.SINGLE).sort(common.SortOrder.NONE))
    )
    return Panel(title, about, queries, look, drawn, links=links)
