"""What the rules would have recorded, and which alerts would have fired, had Prometheus been there for the six hours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from grafana.proof.answers import Answers, Period, Series
from grafana.proof.incidents.track import Track
from grafana.proof.rules import Rule

_RECORDED = re.compile(r"\b([a-z]+:driftgate_[a-z_]+:[a-z0-9_]+)\b(\[\w+\])?")


def recorded(answers: Answers, rules: Sequence[Rule], period: Period) -> Iterator[Track]:
    """The tracks of all rules. An alert fires as soon as its expression has a series: nothing is waited for."""
    expressions = {rule.name: rule.expression for rule in rules if not rule.alert}
    for rule in rules:
        for series in answers.over(expanded(rule.expression, expressions), period):
            if rule.alert:
                yield from _alert(rule, series, period)
            else:
                yield _track(rule.name, series["metric"], series)


def expanded(expression: str, recorded: Mapping[str, str]) -> str:
    """The expression with each recorded name replaced by what it is recorded from, down to what was scraped.

    >>> expanded("a:driftgate_x:b / 2", {"a:driftgate_x:b": "sum(driftgate_x)"})
    '(sum(driftgate_x)) / 2'
    """

    def inner(found: re.Match[str]) -> str:
        # There is nothing before the six hours, so a longer look back finds no more than these.
        return f"({expanded(recorded[found[1]], recorded)})" + ("[7h:1m]" if found[2] else "")

    return _RECORDED.sub(inner, expression)


def _alert(rule: Rule, series: Series, period: Period) -> Iterator[Track]:
    """That it fires, and since when: a gap begins it anew."""
    labels = {**series["metric"], **rule.labels, "alertname": rule.name}
    track = _track("ALERTS", {**labels, "alertstate": "firing"}, series)
    begins = np.diff(track.times, prepend=-np.inf) > period.step
    since = np.maximum.accumulate(np.where(begins, track.times, 0))
    yield track._replace(values=np.ones_like(track.values))
    yield _track("ALERTS_FOR_STATE", labels, series)._replace(values=since)


def _track(name: str, labels: Mapping[str, str], series: Series) -> Track:
    kept = {key: value for key, value in labels.items() if key != "__name__"}
    times, values = np.array(series["values"], dtype=np.float64).T
    return Track(name, "unknown", "", kept, times, values)
