"""A report as one HTML file that needs nothing else: no script, no picture, no other host."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from functools import cache, partial
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gateway.report import charts, numerals
from gateway.report.charts import HEAT, Curve, Row, Series
from gateway.report.content import Alarm, Bin, Drifted, Figure, Latency, Measure, Metric, Report, Served, Watched
from gateway.report.summary import drifting, headline, title

FEATURES, DRAWN, ALARMS, NAMED = 20, 12, 40, 5
"""Features in the tables, those with a histogram, alarms, and unseen values by name: so many are shown; the JSON has all."""

MODERATE = 0.1
"""PSI from which on a feature is called apart."""

_GROUPS = ("selection_rate", "tpr", "fpr", "precision", "accuracy", "mean_prediction", "mae")


def page(report: Report) -> str:
    """The file's text, UTF-8. Every text of others (names of models, features, groups, persons) is escaped."""
    stretches, width = report.period.stretches, report.period.width
    primaries = [each for each in report.traffic.served if each.role == "primary"] or report.traffic.served
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            style=Markup(_style()),  # noqa: S704 - our own file
            tiles=_tiles(report),
            traffic_key=[(f"fill{place % 6}", _named(each)) for place, each in enumerate(report.traffic.served)],
            traffic_chart=charts.bars(
                "Requests answered, by time and version",
                [
                    Series(_named(each), each.requests_by_stretch, place)
                    for place, each in enumerate(report.traffic.served)
                ],
                stretches,
                width,
            ),
            latency_chart=_latency(max(primaries, key=lambda each: each.requests, default=None), stretches, width),
            refused_chart=charts.bars(
                "Requests refused, by time",
                [Series("refused", report.traffic.refused_by_stretch, 1)],
                stretches,
                width,
                110.0,
            ),
            heat_chart=partial(_heat, stretches, width),
            performance_chart=partial(_performance, stretches, width),
            coverage_chart=partial(_coverage, stretches, width),
            most=FEATURES,
            drawings=DRAWN,
            alarms_shown=ALARMS,
        )
    )


@cache
def _environment() -> Environment:
    loader = PackageLoader("gateway.report", "templates")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    for name in ("count", "decimal", "duration", "interval", "milliseconds", "moment", "name", "per", "share"):
        made.globals[name] = getattr(numerals, name)
    made.globals |= {
        "heat_key": [*((f"heat{place}", words) for place, words in enumerate(HEAT)), ("none", "too few rows")],
        "histogram": charts.histogram,
        "reliability": charts.reliability,
        "headline": headline,
        "title": title,
        "moved": moved,
        "noticed": noticed,
        "tables": tables,
        "values": values,
    }
    return made


@cache
def _style() -> str:
    return (resources.files("gateway.report") / "templates" / "report.css").read_text(encoding="utf-8")


def moved(bins: Sequence[Bin]) -> str:
    """The bin whose share moved most, in words.

    >>> moved([Bin(label="JFK", reference=0.25, now=0.5), Bin(label="LGA", reference=0.75, now=0.5)])
    'JFK: 25 % → 50 %'
    """
    if not bins:
        return ""
    most = max(bins, key=lambda each: abs(each.now - each.reference))
    return f"{most.label}: {numerals.share(most.reference)} → {numerals.share(most.now)}"


def noticed(watched: Watched) -> list[tuple[Measure, list[Alarm]]]:
    """What of the data's quality is worth a line: shares above 0, and what raised an alarm, with its alarms."""
    found = []
    for each in watched.quality:
        key = ("quality", each.subject, each.statistic)
        alarms = [alarm for alarm in watched.alarms if (alarm.monitor, alarm.subject, alarm.statistic) == key]
        if alarms or (each.figure.enough and each.figure.value):
            found.append((each, alarms))
    return sorted(found, key=lambda pair: (not pair[1], -(pair[0].figure.value or 0.0)))


def values(measure: Measure) -> str:
    """The names that a measurement gives, the first five."""
    named = measure.detail.get("values", {})
    told = [f"{value} ({rows:,})" if isinstance(named, dict) else str(value) for value, rows in _pairs(named)]
    return ", ".join(told[:NAMED]) + (", …" if len(told) > NAMED else "")


def tables(watched: Watched) -> list[tuple[str, list[str], list[tuple[str, list[Figure | None]]]]]:
    """Attribute, statistics, and the figures of each group: a table for each attribute."""
    found = []
    for attribute in dict.fromkeys(each.attribute for each in watched.groups):
        mine = [each for each in watched.groups if each.attribute == attribute]
        cells = {(each.group, each.statistic): each.figure for each in mine}
        known = [each for each in dict.fromkeys(each.statistic for each in mine) if each in _GROUPS]
        groups = dict.fromkeys(each.group for each in mine)
        found.append((attribute, known, [(group, [cells.get((group, each)) for each in known]) for group in groups]))
    return found


def _pairs(named: object) -> list[tuple[object, int]]:
    return (
        list(named.items())
        if isinstance(named, dict)
        else [(each, 0) for each in named]
        if isinstance(named, list)
        else []
    )


def _tiles(report: Report) -> list[tuple[str, str]]:
    traffic = report.traffic
    asked = traffic.requests + traffic.refused
    judged = [each for each in report.watched if each.silent is None]
    primaries = [each for each in judged if each.role == "primary"]
    found = [
        (numerals.count(traffic.requests), "requests answered"),
        (numerals.share(traffic.refused / asked if asked else None), "of the requests refused"),
        (numerals.milliseconds(traffic.latency.p95), "95 of 100 answers took less"),
    ]
    if judged:
        found.append((numerals.count(sum(len(each.alarms) for each in judged)), "alarms fired"))
        found.append(
            (numerals.count(len({f.name for each in primaries for f in drifting(each.features)})), "features drifted")
        )
    for each in primaries[:2]:
        metric = headline(each)
        if metric and metric.realised and metric.realised.enough:
            found.append(
                (numerals.decimal(metric.realised.value), f"{numerals.name(metric.metric)}, version {each.version}")
            )
    return found


def _named(served: Served) -> str:
    return f"version {served.version}" + ("" if served.role == "primary" else f" ({served.role})")


def _latency(served: Served | None, stretches: Sequence[str], width: float) -> Markup:
    by_stretch: Sequence[Latency] = served.latency_by_stretch if served else []
    curves = [
        Curve("p50", [_plain(each.p50) for each in by_stretch], 0),
        Curve("p99", [_plain(each.p99) for each in by_stretch], 1, dashed=True),
    ]
    return charts.lines("How long answers took, in milliseconds", curves, stretches, width)


def _heat(stretches: Sequence[str], width: float, watched: Watched) -> Markup:
    rows = [_row(stretches, width, each) for each in watched.features[:FEATURES]]
    return charts.heat("Distance of each feature from the training data, by time", rows, stretches, width)


def _row(stretches: Sequence[str], width: float, feature: Drifted) -> Row:
    levels: list[int | None] = []
    told = []
    fired = [(_seconds(each.fired), _seconds(each.resolved) if each.resolved else math.inf) for each in feature.alarms]
    for place, (psi, departed) in enumerate(zip(feature.psi_by_stretch, feature.departed_by_stretch, strict=True)):
        start = _seconds(stretches[place])
        level = None if psi is None else 2 if departed else int(psi >= MODERATE)
        if any(begin < start + width and start < end for begin, end in fired):
            level = 3
        levels.append(level)
        said = "too few rows" if psi is None else f"PSI {numerals.decimal(psi)}"
        told.append(f"{feature.name}, {numerals.moment(stretches[place])}: {said}{', alarm' if level == 3 else ''}")
    return Row(feature.name, levels, told)


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def _performance(stretches: Sequence[str], width: float, watched: Watched, metric: Metric) -> Markup:
    called = numerals.name(metric.metric)
    curves = [
        Curve("estimated", metric.estimated_by_stretch, 1, dashed=True),
        Curve(called, metric.realised_by_stretch, 0),
    ]
    return charts.lines(f"{called} of version {watched.version}, by time", curves, stretches, width)


def _coverage(stretches: Sequence[str], width: float, watched: Watched) -> Markup:
    shares = watched.labels.by_stretch if watched.labels else []
    curve = Curve("labels known", [_plain(each) for each in shares], 2)
    return charts.lines("Share of the answers whose label is known, by time", [curve], stretches, width, 120.0)


def _plain(value: float | None) -> Figure | None:
    return None if value is None else Figure(value=value)
