"""The training period itself tells what is natural."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitors.record import Batch
from monitors.reference import Reference
from monitors.rehearsal import rehearse
from monitors.schema import ColumnSpec, Schema

ROWS, DAY = 6_000, 86_400
SCHEMA = Schema((ColumnSpec("temp", "numeric"), ColumnSpec("rain", "numeric"), ColumnSpec("wind", "numeric")), "binary")


def period(spells: bool = True, fitted: int = 0) -> Batch:
    """Twelve days of 500 rows: a warm one, wet ones in turn, an outage of the sensor, and one on which the model fails."""
    random = np.random.default_rng(0)
    day = np.arange(ROWS) // 500
    temp, wind = random.normal(size=ROWS), random.normal(size=ROWS)
    rain = np.where(day % 2 == 1, random.random(ROWS), 0.0)
    scores = random.random(ROWS)
    labels = (random.random(ROWS) < scores).astype(float)
    if spells:
        temp[day == 4] += 3
        temp[1000:1100] = np.nan
        labels[day == 8] = random.permutation(labels[day == 8])
    scores[:fitted] = np.nan
    time = (day * DAY + np.arange(ROWS) % 500 * 60) * 10**9
    ids = np.arange(ROWS).astype(str).astype(object)
    groups = {"origin": np.where(random.random(ROWS) < 0.5, "JFK", "EWR").astype(object)}
    columns = {"temp": temp, "rain": rain, "wind": wind}
    return Batch(time, ids, columns, scores, (scores >= 0.5).astype(int), labels, groups)


def learnt(batch: Batch, **more: Any) -> Reference:
    """The reference of the rows, rehearsed."""
    return rehearse(Reference.build(batch.columns, SCHEMA, batch.scores, batch.labels), batch, ("origin",), **more)


def edges(reference: Reference, *key: str) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest departure of a measurement, by size."""
    part, row = next((part, part.keys.index(key)) for part in reference.natural if key in part.keys)
    return part.low[row], part.high[row]


@pytest.fixture(scope="module")
def eventful() -> Reference:
    """Of the twelve days."""
    return learnt(period())


@pytest.fixture(scope="module")
def calm() -> Reference:
    """Of twelve days that were all alike, but for the rain."""
    return learnt(period(spells=False))


def known(reference: Reference) -> set[tuple[str, str, str]]:
    """What departed at all."""
    return {key for part in reference.natural for key in part.keys}


def test_weather_is_natural(eventful: Reference, calm: Reference) -> None:
    """A block of a warm day is far from the whole, one of two days is nearer; where all days are alike, none is far."""
    _, high = edges(eventful, "drift", "temp", "psi")
    assert high[1] > 1
    assert high[3] < high[1]
    assert np.isnan(high[4:]).all()
    assert ("drift", "temp", "psi") not in known(calm) or edges(calm, "drift", "temp", "psi")[1][1] < 0.1


def test_outages_and_dry_spells_are_natural(eventful: Reference) -> None:
    """A hundred values in a row were missing, and it was dry for 500 rows; the wind never stood still."""
    assert edges(eventful, "quality", "temp", "missing")[1][0] > 0.5
    assert edges(eventful, "quality", "rain", "constant")[1][:4].tolist() == [1, 1, 1, 0]
    assert ("quality", "wind", "constant") not in known(eventful)


def test_bad_days_are_natural(eventful: Reference, calm: Reference) -> None:
    """On one day the ranking was no better than chance."""
    low, _ = edges(eventful, "performance", "roc_auc", "realised")
    assert low[1] < -0.2
    assert ("performance", "roc_auc", "realised") not in known(calm) or (
        edges(calm, "performance", "roc_auc", "realised")[0][1] > -0.1
    )
    assert edges(eventful, "estimate", "roc_auc", "gap")[0][1] < -0.2


def test_only_unseen_rows_tell_of_mistakes() -> None:
    """Rows without a score, or that are said to be seen, are left out: the blocks of the others last as long as they did."""
    masked = learnt(period(), unseen=np.arange(ROWS) >= 3000)
    dropped = learnt(period(fitted=3000))
    for reference in (masked, dropped):
        low, _ = edges(reference, "performance", "roc_auc", "realised")
        assert np.isfinite(low).tolist() == [True] * 5 + [False] * 5
    assert masked.natural[1].seconds[3] == pytest.approx(2 * DAY, rel=0.5)


def test_the_order_of_the_rows_does_not_matter(eventful: Reference) -> None:
    """They are put in the order of their times."""
    batch = period()
    shuffled = batch.take(np.random.default_rng(1).permutation(ROWS))
    for part, again in zip(eventful.natural, learnt(shuffled).natural, strict=True):
        shared = [key for key in part.keys if key in again.keys and key[0] != "outlier"]
        assert len(shared) >= len(part.keys) - 2  # half-spaces are learnt from other rows
        for key in shared:
            assert part.high[part.keys.index(key)] == pytest.approx(
                again.high[again.keys.index(key)], nan_ok=True, abs=1e-3
            )


def test_rows_of_one_time_are_blocked_at_random() -> None:
    """Then natural is what chance does: nothing to speak of, and no duration."""
    batch = period()
    still = Batch(np.zeros(ROWS, np.int64), batch.ids, batch.columns, batch.scores, batch.predictions, batch.labels)
    reference = learnt(still)
    assert not any(part.timed for part in reference.natural)
    assert all(np.nan_to_num(part.high).max(initial=0) < 0.15 for part in reference.natural)


def test_few_rows_tell_where_the_whole_lies() -> None:
    """With fewer than four blocks of the smallest size, what is natural is the interval of all rows, whatever the size."""
    low, high = edges(learnt(period().take(np.arange(100))), "performance", "roc_auc", "realised")
    assert len(set(low.tolist())) == len(set(high.tolist())) == 1
    assert -0.3 < low[0] < 0 < high[0] < 0.3


def test_it_survives_the_file(eventful: Reference, tmp_path: Path) -> None:
    """All of it comes back."""
    eventful.save(tmp_path / "r.npz")
    loaded = Reference.load(tmp_path / "r.npz")
    assert [part.keys for part in loaded.natural] == [part.keys for part in eventful.natural]
    assert all(
        np.array_equal(one.high, other.high, equal_nan=True)
        for one, other in zip(loaded.natural, eventful.natural, strict=True)
    )
