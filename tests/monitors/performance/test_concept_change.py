"""ADWIN and PageHinkley on the error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitors.detector import Series, Track
from monitors.performance.change import ConceptChange


def _windows(rates: list[float], seed: int, rows: int = 1000) -> list[Series]:
    """One window for each error rate."""
    random = np.random.default_rng(seed)
    found = []
    for number, rate in enumerate(rates):
        track = Track(1, 10)
        track.add(np.arange(rows) + number * rows, (random.random(rows) < rate).astype(float)[:, None])
        found.append(track.series())
    return found


def _changes(monitor: ConceptChange, windows: list[Series]) -> np.ndarray:
    memory = monitor.begin()
    return np.array([[found.value for found in monitor.follow(memory, series)] for series in windows])


def test_a_rising_error_is_found_within_two_windows(references: Any) -> None:
    """By both; when, and the error until then and after it, is in detail."""
    monitor = ConceptChange(references["binary"])
    memory, windows = monitor.begin(), _windows([0.2] * 6 + [0.35] * 2, 0)
    found = [monitor.follow(memory, series) for series in windows]
    for which in range(2):
        assert not any(pair[which].value for pair in found[:6])
        change = next(pair[which] for pair in found[6:] if pair[which].value)
        assert change.detail["time"] >= 6000
        assert change.detail["changes"] == 1
        assert change.p is None


def test_a_falling_error_is_found_by_adwin_alone(references: Any) -> None:
    """PageHinkley watches for the worse."""
    changes = _changes(ConceptChange(references["binary"]), _windows([0.35] * 6 + [0.2] * 3, 1))
    assert changes[6:, 0].sum() >= 1
    assert not changes[:, 1].any()


def test_where_nothing_changes_hardly_anything_is_found(references: Any) -> None:
    """In 300 windows of 1,000 labels neither detector finds a change."""
    changes = _changes(ConceptChange(references["binary"]), _windows([0.2] * 300, 2))
    assert not changes.any()


def test_the_order_of_rows_does_not_matter(references: Any, streams: Any, view: Any) -> None:
    """Slots are means, and both detectors are fed those in order of time."""
    monitor = ConceptChange(references["binary"])
    scores, labels = streams["binary"](500, np.random.default_rng(0))
    whole = view(references["binary"], scores, labels)
    values = monitor.values(whole)
    assert (values[:, 0] == ((scores >= 0.5) != labels)).all()
    one, other = Track(1, 10), Track(1, 10)
    one.add(whole.batch.time, values)
    shuffled = np.random.default_rng(1).permutation(500)
    other.add(whole.batch.time[shuffled], values[shuffled])
    first, second = monitor.begin(), monitor.begin()
    monitor.follow(first, one.series())
    monitor.follow(second, other.series())
    assert monitor.dump(first) == monitor.dump(second)


def test_a_memory_survives_its_checkpoint(references: Any) -> None:
    """What was dumped goes on exactly as what was not, and stays small."""
    monitor = ConceptChange(references["binary"])
    windows = _windows([0.2] * 3 + [0.4] * 3 + [0.2] * 3, 3)
    kept = restored = monitor.begin()
    for series in windows:
        restored = monitor.load(monitor.dump(restored))
        fresh = monitor.follow(restored, series)
        if kept is not restored:
            assert list(monitor.follow(kept, series)) == list(fresh)
        assert monitor.dump(restored) == monitor.dump(kept)
        assert len(monitor.dump(kept)) < 4096
    assert monitor.load(monitor.dump(monitor.begin())).changes == [0, 0]


def test_residuals_are_scaled_by_those_of_the_reference(references: Any, view: Any) -> None:
    """The largest but a few of the reference's residuals count as 1; what is no number is NaN."""
    reference = references["regression"]
    monitor = ConceptChange(reference)
    labels = np.array([100.0, 1e9, np.nan, 100.0, np.inf])
    found = monitor.values(view(reference, np.array([100.0, 0.0, 1.0, np.nan, 1.0]), labels))[:, 0]
    assert found[:2].tolist() == [0, 1]
    assert np.isnan(found[2:]).all()
    error = monitor.values(view(reference, np.full(2, 100.0), np.array([105.0, 95.0])))
    assert error[0] == pytest.approx(error[1])
    assert 0.05 < error[0, 0] < 0.3


def test_gaps_in_a_series_silence_nobody(references: Any) -> None:
    """A slot without a mean is passed over; busy slots stand for a bounded number of errors."""
    monitor = ConceptChange(references["binary"])
    memory = monitor.begin()
    nothing = Series(np.arange(2), np.array([[np.nan], [0.2]]), np.array([[0], [10**9]]))
    monitor.follow(memory, nothing)
    assert _changes(monitor, _windows([0.1] * 4 + [0.6] * 2, 0))[4:].any()
    found = [monitor.follow(memory, series) for series in _windows([0.1] * 4 + [0.6] * 2, 0)]
    assert any(pair[0].value for pair in found)
