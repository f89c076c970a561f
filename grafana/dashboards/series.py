"""Which series there are: those of the catalogue, those that the rules record, and Prometheus' own."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from gateway.metrics import ALL
from gateway.metrics_page import exposed

RULES = Path(__file__).parent.parent / "rules"

TARGET = ("job", "instance")
"""What Prometheus adds to everything it scrapes: which gateway it was."""


class Series(NamedTuple):
    """One name that a query may select.

    kind: as in the catalogue, or `recorded`. about: what it counts, a sentence. labels: those it has beside the target's.
    scraped: whether it has the target's.
    """

    name: str
    kind: str
    about: str
    labels: tuple[str, ...]
    scraped: bool = True


class UnknownSeries(LookupError):
    """A query names a series that nothing exposes and no rule records."""


@cache
def known() -> dict[str, Series]:
    """Every series by its name."""
    return {series.name: series for series in (*_exposed(), *_recorded(), *_PROMETHEUS)}


def series(name: str) -> Series:
    """The one of that name. Raises UnknownSeries.

    >>> series("driftgate_rows_total").labels
    ('model', 'version', 'role')
    """
    try:
        return known()[name]
    except KeyError:
        raise UnknownSeries(f"{name} is neither in gateway/metrics.py nor recorded by {RULES.name}/*.yaml") from None


def _exposed() -> list[Series]:
    return [
        Series(name, metric.kind, metric.help, (*metric.labels, "le") if name.endswith("_bucket") else metric.labels)
        for metric in ALL
        for name in exposed(metric)
    ]


def _recorded() -> list[Series]:
    rules = [
        rule
        for path in sorted(RULES.glob("*.yaml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "record" in rule
    ]
    return [_rule(rule["record"]) for rule in rules]


def _rule(name: str) -> Series:
    """The level, which is the first word of a recorded name, says by what it is told apart."""
    level = name.partition(":")[0]
    return Series(name, "recorded", "Recorded by grafana/rules.", () if level == "slo" else (level,), level != "slo")


_PROMETHEUS = (
    Series("ALERTS", "gauge", "1 while an alert is pending or firing.", ("alertname", "alertstate", "severity", "*")),
    Series("ALERTS_FOR_STATE", "gauge", "Since when an alert is pending or firing.", ("alertname", "severity", "*")),
    Series("up", "gauge", "Whether the last scrape was answered.", ()),
)
