"""Panels: a title, what it is about, queries, and how the answer is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grafana.dashboards.foundation import Builder, dashboard
from grafana.dashboards.look import Look
from grafana.dashboards.override import Override
from grafana.dashboards.query import SOURCE, Query
from grafana.dashboards.scope import Scope, named


@dataclass(frozen=True)
class Panel:
    """One panel, before it has its place.

    about: what one sees, and what follows. drawn: Grafana's builder of that kind of panel. colour: how series get theirs.
    """

    title: str
    about: str
    queries: Sequence[Query]
    look: Look
    drawn: Builder[dashboard.Panel]
    colour: dashboard.FieldColorModeId = dashboard.FieldColorModeId.THRESHOLDS
    overrides: Sequence[Override] = ()
    transformations: Sequence[dashboard.DataTransformerConfig] = ()
    links: Sequence[dashboard.DashboardLink] = ()

    def built(self, number: int, place: dashboard.GridPos, scope: Scope) -> dashboard.Panel:
        """As a dashboard keeps it."""
        panel = self.drawn.build()
        panel.id_val = number
        panel.grid_pos = place
        panel.title = self.title
        panel.description = self.description
        panel.datasource = SOURCE
        panel.targets = [query.target(at, scope) for at, query in enumerate(self.queries)]
        panel.transformations = list(self.transformations) or None
        panel.field_config = self._fields(panel.field_config)
        return panel

    @property
    def description(self) -> str:
        """What it is about, and every metric in it by its name, with what the catalogue says of it."""
        series = dict.fromkeys(found for query in self.queries for found in named(query.expr))
        lines = [f"`{found.name}`: {found.about}" for found in series]
        return "\n\n".join([self.about, *lines])

    def _fields(self, found: dashboard.FieldConfigSource | None) -> dashboard.FieldConfigSource:
        """The builder has put what only this kind of panel knows into `custom`."""
        defaults = found.defaults if found is not None and found.defaults is not None else dashboard.FieldConfig()
        look = self.look
        defaults.unit, defaults.decimals = look.unit, look.decimals
        defaults.min_val, defaults.max_val = look.least, look.most
        defaults.thresholds, defaults.mappings, defaults.no_value = look.thresholds, look.mappings, look.empty
        defaults.color = dashboard.FieldColor(mode=self.colour)
        defaults.links = list(self.links) or None
        return dashboard.FieldConfigSource(defaults=defaults, overrides=[each.built for each in self.overrides])
