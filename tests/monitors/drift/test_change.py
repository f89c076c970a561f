"""Changes inside windows, found by ADWIN on the means of slots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitors.detector import Track
from monitors.drift.change import Change
from monitors.errors import CheckpointRefused
from monitors.record import Batch, concat
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema
from monitors.view import View

GRAIN = 10_000_000_000  # ten of the rows' seconds


def _series(detector: Change, reference: Reference, *batches: Batch) -> Any:
    track = Track(len(detector.subjects), GRAIN)
    for batch in batches:
        track.add(batch.time, detector.values(View(batch, reference)))
    return track.series()


def _later(batch: Batch, seconds: int) -> Batch:
    return Batch(batch.time + seconds * 1_000_000_000, batch.ids, batch.columns, batch.scores, batch.predictions)


def _quiet(detector: Change, reference: Reference, rows: Callable, windows: int) -> Any:
    memory = detector.begin()
    for window in range(windows):
        detector.follow(
            memory, _series(detector, reference, _later(rows(600, seed=50 + window), 600 * (window - windows)))
        )
    return memory


def test_a_change_in_a_window_is_found_in_it(trained: Reference, rows: Callable) -> None:
    """In the feature that changed, at about its time, with the mean ranks of both sides."""
    detector = Change(trained)
    memory = _quiet(detector, trained, rows, 6)
    window = concat([rows(150), _later(rows(450, seed=2, shift=1.0), 150)])
    found = detector.follow(memory, _series(detector, trained, window))
    changed = {one.subject: one for one in found if one.value}
    assert list(changed) == ["age"]
    detail = changed["age"].detail
    assert abs(detail["time"] / 1e9 - 150) <= 20
    assert detail["was"] == pytest.approx(0.5, abs=0.1)
    assert detail["now"] > 0.7


def test_rows_like_those_of_training_change_nothing(trained: Reference, rows: Callable) -> None:
    """In 40 windows of 600 rows, in no feature."""
    detector, memory, changes = Change(trained), None, 0.0
    memory = detector.begin()
    for window in range(40):
        batch = _later(rows(600, seed=100 + window), 600 * window)
        changes += sum(one.value for one in detector.follow(memory, _series(detector, trained, batch)))
    assert changes == 0
    assert memory.changes == [0] * len(detector.subjects)


def test_order_makes_no_difference(trained: Reference, rows: Callable) -> None:
    """What the detector is fed is the same to the last bit."""
    detector, batch = Change(trained), rows(500)
    parts = [batch.take(chosen) for chosen in np.array_split(np.random.default_rng(0).permutation(500), 4)]
    one, other = _series(detector, trained, batch), _series(detector, trained, *parts)
    assert (one.means == other.means).all()
    assert (one.counts == other.counts).all()


def test_missing_values_do_not_silence_it(trained: Reference, rows: Callable) -> None:
    """Slots without any value are passed over, and a change after them is found."""
    detector = Change(trained)
    memory = _quiet(detector, trained, rows, 6)
    age = rows(600).columns["age"].copy()
    age[50:100] = np.nan
    age[100:] += 15
    found = detector.follow(memory, _series(detector, trained, rows(600, age=age)))
    assert {one.subject: one for one in found}["age"].value >= 1


def test_a_memory_goes_on_where_it_was_saved(trained: Reference, rows: Callable) -> None:
    """After every window, right after a change too, it finds what it would have found."""
    detector = Change(trained)
    kept, saved = detector.begin(), detector.begin()
    for window in range(16):
        shift = 1.5 if window % 8 > 3 else 0.0
        series = _series(detector, trained, _later(rows(600, seed=window, shift=shift), 600 * window))
        assert detector.follow(kept, series) == detector.follow(saved, series)
        saved = detector.load(detector.dump(saved))
        assert detector.dump(saved) == detector.dump(kept)
    assert max(kept.changes) >= 3


def test_a_memory_of_other_features_is_refused(trained: Reference) -> None:
    """A checkpoint of another version of the model."""
    other = Change(Reference.build({"x": np.arange(9.0)}, Schema((ColumnSpec("x", "numeric"),))))
    with pytest.raises(CheckpointRefused, match="found 1 features, expected"):
        Change(trained).load(other.dump(other.begin()))


def test_a_feature_that_never_varied_is_passed_over() -> None:
    """It has no ranks to follow; a move away from it is drift."""
    reference = Reference.build({"x": np.zeros(50)}, Schema((ColumnSpec("x", "numeric"),)))
    detector = Change(reference)
    batch = Batch(np.arange(200) * GRAIN, np.arange(200), {"x": np.repeat([0.0, 1.0], 100)})
    assert [one.value for one in detector.follow(detector.begin(), _series(detector, reference, batch))] == [0]
