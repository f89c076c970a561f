"""What holds for some series or columns of a panel only."""

from __future__ import annotations

from typing import NamedTuple

from grafana.dashboards.foundation import dashboard
from grafana.dashboards.look import Look


class Override(NamedTuple):
    """name: the series or column. properties: by Grafana's ids, such as `color` or `custom.width`."""

    name: str
    properties: dict[str, object]

    @property
    def built(self) -> dashboard.DashboardFieldConfigSourceOverrides:
        """As the panel keeps it."""
        return dashboard.DashboardFieldConfigSourceOverrides(
            matcher=dashboard.MatcherConfig(id_val="byName", options=self.name),
            properties=[dashboard.DynamicConfigValue(key, value) for key, value in self.properties.items()],
        )


def coloured(name: str, colour: str, **properties: object) -> Override:
    """A series in a colour of its own; further properties of its line by their names: lineWidth=2."""
    custom = {f"custom.{key}": value for key, value in properties.items()}
    return Override(name, {"color": {"mode": "fixed", "fixedColor": colour}, **custom})


def dashed(name: str, colour: str) -> Override:
    """A limit, an objective, or what was expected."""
    return coloured(name, colour, lineStyle={"fill": "dash", "dash": [8, 8]}, fillOpacity=0, lineWidth=1)


def band(lower: str, upper: str, colour: str) -> tuple[Override, Override]:
    """The room between two series, which show no lines of their own."""
    quiet: dict[str, object] = {"lineWidth": 0, "fillOpacity": 0, "showPoints": "never", "pointSize": 1}
    hidden = {"legend": True, "tooltip": False, "viz": False}
    return (
        coloured(lower, colour, **quiet, hideFrom=hidden),
        coloured(upper, colour, **{**quiet, "fillOpacity": 18}, fillBelowTo=lower, hideFrom=hidden),
    )


def looks(name: str, look: Look, **properties: object) -> Override:
    """A column with a look of its own."""
    values: dict[str, object] = {
        "unit": look.unit,
        "thresholds": look.thresholds,
        "mappings": look.mappings,
        "noValue": look.empty,
        "decimals": look.decimals,
        "min": look.least,
        "max": look.most,
    }
    custom = {f"custom.{key}": value for key, value in properties.items()}
    return Override(name, {**{key: value for key, value in values.items() if value is not None}, **custom})
