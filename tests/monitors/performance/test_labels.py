"""Which labels are classes, how many have come, and how long they took."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitors.performance.classes import Classes
from monitors.performance.coverage import LabelDelay, coverage
from monitors.record import concat

TABLE = [
    ((0, 1), np.array([1.0, 0.0, np.nan, 3.0]), [1, 0, -1, -2]),
    ((0, 1), np.array([True, False]), [1, 0]),
    ((3, 1, 2), np.array([1, 2, 3, 0], np.int64), [1, 2, 0, -2]),
    ((0, 1), np.array([1.0, None, "1", np.float64("nan"), [1]], object), [1, -1, -2, -1, -2]),
    (("no", "yes"), np.array(["yes", "", "maybe", None], object), [1, -1, -2, -1]),
    (("no", "yes"), np.array(["no", "yes"]), [0, 1]),
    (("no", "yes"), np.array([0.0, np.nan]), [-2, -1]),
]


@pytest.mark.parametrize(("classes", "labels", "places"), TABLE)
def test_labels_are_found_among_the_classes(classes: Any, labels: Any, places: Any) -> None:
    """Whatever type they come in; missing ones are −1, strangers −2, and nothing is an error."""
    assert Classes(classes).places(labels).tolist() == places


def test_coverage_is_a_share_with_an_interval() -> None:
    """A window without answers says nothing."""
    found = coverage(1000, 930)
    assert (found.value, found.n, found.enough) == (0.93, 1000, True)
    assert found.interval == pytest.approx((0.9125, 0.9442), abs=1e-4)
    assert not coverage(0, 0).enough
    assert coverage(10, 12).value == 1


def test_delays_are_read_from_their_histogram(references: Any, view: Any) -> None:
    """Within 4.5 % of the exact quantiles, which lie in their intervals; rows without a label do not count."""
    random = np.random.default_rng(0)
    delay = random.lognormal(8, 1.5, 3000)
    labels = np.where(random.random(3000) < 0.2, np.nan, 1.0)
    monitor = LabelDelay()
    state = monitor.begin()
    batch = view(references["binary"], np.full(3000, 0.5), labels, label_time=(delay * 1e9).astype(np.int64))
    monitor.fold(state, batch)
    monitor.fold(state, view(references["binary"], np.full(3000, 0.5), labels))
    found = {one.statistic: one for one in monitor.measure(state)}
    known = delay[np.isfinite(labels)]
    for name, level in (("delay_median", 0.5), ("delay_p90", 0.9)):
        assert found[name].value == pytest.approx(np.quantile(known, level), rel=0.045)
        assert found[name].interval[0] <= found[name].value <= found[name].interval[1]
        assert found[name].n == len(known)
    assert not monitor.measure(monitor.begin())


def test_the_time_of_labels_stays_with_its_rows(references: Any, view: Any) -> None:
    """Through take and concat, and where there is none."""
    labels, times = np.array([1.0, 0.0, 1.0]), np.array([5, 6, 7])
    batch = view(references["binary"], np.full(3, 0.5), labels, label_time=times).batch
    assert concat([batch.take([2]), batch.take([0])]).label_time.tolist() == [7, 5]
    assert view(references["binary"], np.full(3, 0.5), labels).batch.take([1]).label_time is None


def test_early_labels_count_as_immediate(references: Any, view: Any) -> None:
    """A label that is known before the answer has no negative delay."""
    monitor = LabelDelay()
    state = monitor.begin()
    monitor.fold(state, view(references["binary"], np.full(2, 0.5), np.ones(2), label_time=np.array([-5, 2**62])))
    assert (state["delays"][0], state["delays"].sum()) == (1, 2)
