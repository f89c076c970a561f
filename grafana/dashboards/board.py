"""A dashboard: sections of bands of panels, laid on Grafana's grid of 24 columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grafana.dashboards.annotation import events
from grafana.dashboards.foundation import builders, dashboard
from grafana.dashboards.link import TAG, all_dashboards
from grafana.dashboards.panel import Panel
from grafana.dashboards.scope import Scope
from grafana.dashboards.variable import source, target

WIDTH = 24
SCHEMA = 39
"""Of Grafana 11: its migrations only run upward, and later ones read it too."""


@dataclass(frozen=True)
class Band:
    """Panels side by side, all of one height. widths: of each; left out, all the same."""

    height: int
    panels: tuple[Panel, ...]
    widths: tuple[int, ...] = ()


def band(height: int, *panels: Panel, widths: tuple[int, ...] = ()) -> Band:
    """The same, with the panels one after the other. Raises ValueError if they do not fill the grid."""
    each = widths or (WIDTH // len(panels),) * len(panels)
    if len(each) != len(panels) or sum(each) != WIDTH:
        raise ValueError(f"{[panel.title for panel in panels]}: widths {list(each)}, expected {WIDTH} together")
    return Band(height, panels, each)


@dataclass(frozen=True)
class Section:
    """Bands under a heading; without a title, under none."""

    title: str
    bands: tuple[Band, ...]


@dataclass(frozen=True)
class Board:
    """One dashboard. uid: part of its address, never to be changed. labels: which of the variables narrow its queries."""

    uid: str
    title: str
    about: str
    sections: tuple[Section, ...]
    labels: tuple[str, ...] = ()
    variables: tuple[dashboard.VariableModel, ...] = ()
    since: str = "now-3h"

    @property
    def scope(self) -> Scope:
        """What its queries are narrowed to."""
        return Scope(self.labels)

    def built(self) -> dashboard.Dashboard:
        """As Grafana loads it."""
        built = (
            builders.Dashboard(self.title)
            .uid(self.uid)
            .description(self.about)
            .tags([TAG])
            .timezone("browser")
            .time(self.since, "now")
            .refresh("30s")
            .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
            .editable()
            .build()
        )
        built.schema_version = SCHEMA
        built.version = 1
        built.links = [all_dashboards()]
        built.templating = dashboard.DashboardDashboardTemplating(
            [source(), target("job"), target("instance"), *self.variables]
        )
        built.annotations = dashboard.AnnotationContainer(events(self.scope))
        built.panels = list(self._placed())
        return built

    def _placed(self) -> Iterator[dashboard.Panel | dashboard.RowPanel]:
        number, y = 1, 0
        for section in self.sections:
            if section.title:
                place = dashboard.GridPos(h=1, w=WIDTH, x=0, y=y)
                yield dashboard.RowPanel(title=section.title, grid_pos=place, id_val=number, panels=[])
                number, y = number + 1, y + 1
            for each in section.bands:
                x = 0
                for panel, width in zip(each.panels, each.widths, strict=True):
                    place = dashboard.GridPos(h=each.height, w=width, x=x, y=y)
                    yield panel.built(number, place, self.scope)
                    number, x = number + 1, x + width
                y += each.height
