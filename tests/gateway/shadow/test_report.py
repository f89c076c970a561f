"""How the shadows are doing, as metrics and in plain values."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gateway import metrics
from gateway.metrics import Metric
from gateway.observer.samples import _shadows
from gateway.shadow.checkpoint import Checkpoint, Shadow, write
from gateway.shadow.comparison import Comparison
from gateway.shadow.report import reports, told

CLASSES = Comparison(rows=100, judged=100, disagreed=7, scored=100, distance=3.0, primary_ns=2000, shadow_ns=500)
VALUES = Comparison(rows=10, scored=10, distance=25.0, primary_ns=100, shadow_ns=300)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A shadow of a classifier that runs, and one of a regression that does not."""
    now = time.time_ns()
    write(tmp_path, Shadow("bikes", 3), Checkpoint(0, pairs={1: VALUES}, saved=now, trouble="no such file"))
    write(tmp_path, Shadow("flights", 2), Checkpoint(0, outcomes={"ok": 100}, pairs={1: CLASSES}, saved=now))
    return tmp_path


@pytest.mark.parametrize(
    ("metric", "flights", "bikes"),
    [
        (metrics.SHADOW_DISAGREEMENT, 0.07, None),
        (metrics.SHADOW_DISTANCE, 0.03, 2.5),
        (metrics.SHADOW_COST, 0.25, 3.0),
    ],
)
def test_what_was_compared_is_measured(data: Path, metric: Metric, flights: float, bikes: float | None) -> None:
    """By the version that answered the client; what cannot be compared has no value."""
    found = {sample.labels: sample.value for sample in _shadows(data) if sample.metric is metric}
    wanted = {("flights", "2", "1"): flights, ("bikes", "3", "1"): bikes}
    assert found == {labels: value for labels, value in wanted.items() if value is not None}


def test_what_keeps_a_shadow_from_running_is_told(data: Path) -> None:
    """Beside what it did."""
    bikes, flights = (told(report) for report in reports(data, time.time_ns()))
    assert (bikes["trouble"], flights["trouble"]) == ("no such file", "")
    assert bikes["compared"] == [
        {"primary": 1, "rows": 10, "disagreement": None, "score_distance": 2.5, "cost_ratio": 3.0}
    ]
