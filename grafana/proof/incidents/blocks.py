"""The six hours as blocks of a Prometheus' own: what it would have scraped, recorded and raised."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gateway.metrics import LABELS, Metric
from grafana.proof.answers import Period
from grafana.proof.incidents.cast import MODELS, SILENT
from grafana.proof.incidents.course import MINUTES, Counted, Course, Line, during, line
from grafana.proof.incidents.recorded import recorded
from grafana.proof.incidents.standing import observer, standing
from grafana.proof.incidents.track import Track, tracks, write_blocks
from grafana.proof.incidents.traffic import BEFORE, traffic
from grafana.proof.incidents.watching import watching
from grafana.proof.prometheus import prometheus
from grafana.proof.rules import rules

STEP_S = 60.0
"""Between scrapes."""
LENGTH_S = float(MINUTES[-1] - MINUTES[0]) * 60
"""From the first scrape to the last."""
FIRST, SECOND = "gateway-1:8000", "gateway-2:8000"
"""Two gateways: what is asked is asked of the first; the second is in trouble with its journals, and then gone."""
_UP = Metric("up", "gauge", "Whether the last scrape was answered.")


def write_incidents(folder: Path, rule_files: Path, now: float) -> None:
    """Writes them into `folder`/data, for a Prometheus that is started in `folder`. now: s since 1970, of their end.

    Raises ProofError if one of Prometheus' programs is not there, or refuses.
    """
    data = folder / "data"
    write_blocks(data, _earlier(now))
    write_blocks(data, _scraped(now))
    with prometheus(folder) as answers:
        period = Period(now - LENGTH_S, now, STEP_S)
        found = list(recorded(answers, rules(rule_files), period))
    write_blocks(data, found)


def lines(now: float) -> Iterator[Line]:
    """The series of the first gateway."""
    yield from traffic(now)
    yield from watching(now)
    yield from standing(now)
    yield line(_UP, at=1)


def _scraped(now: float) -> Iterator[Track]:
    times = now + MINUTES * 60
    for instance, found in ((FIRST, lines(now)), (SECOND, _second())):
        for one in found:
            yield from tracks(one, _target(instance), times)


def _second() -> Iterator[Line]:
    there = np.where(MINUTES < SILENT, 1.0, np.nan)
    for one in observer(trouble=during(-80, SILENT, 1)):
        if not isinstance(one.values, Counted):
            yield one._replace(values=one.values * there)
    yield line(_UP, at=during(-360, SILENT, 1))


def _earlier(now: float) -> Iterator[Track]:
    """Labels more than a day ago: only so can it be seen where they have stopped since."""
    minutes: Course = np.arange(-1530, -1440, 10, dtype=np.float64)
    counted = np.linspace(0, BEFORE, len(minutes))
    for model in MODELS:
        labels = {"model": model.name, "outcome": "accepted", **_target(FIRST)}
        yield Track(LABELS.name, LABELS.kind, "_total", labels, now + minutes * 60, counted)


def _target(instance: str) -> dict[str, str]:
    return {"job": "driftgate", "instance": instance}
