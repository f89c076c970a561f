"""Half-spaces: strange rows score high, ordinary ones as the training rows did, and everything has a place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from monitors.categorical import Categorical
from monitors.errors import ReferenceRefused
from monitors.halfspace import HalfSpaces, spots


def rows(count: int, seed: int, width: int = 12) -> np.ndarray:
    """Correlated numbers [width, count]: half as many causes as columns, one skewed, one of few values, one half missing."""
    random = np.random.default_rng(seed)
    mix = np.random.default_rng(99).normal(size=(width, width // 2))
    points = mix @ random.normal(size=(width // 2, count)) + 0.3 * random.normal(size=(width, count))
    points[0] = np.exp(points[0])
    points[1] = points[1].round()
    points[2, random.random(count) < 0.5] = np.nan
    return points


def beyond(points: np.ndarray) -> np.ndarray:
    """One column far out, a different one in each row."""
    points = points.copy()
    place = np.arange(points.shape[1])
    points[3 + place % 9, place] = 25
    return points


def apart(points: np.ndarray) -> np.ndarray:
    """Each column as it always is, but drawn from different rows: only together they are strange."""
    random = np.random.default_rng(5)
    return np.stack([random.permutation(row) for row in points])


@pytest.mark.parametrize("change", [beyond, apart])
def test_planted_outliers_are_found_at_least_as_well_as_by_isolation_forest(change: Any) -> None:
    """The AUC of planted outliers against new ordinary rows is not below scikit-learn's."""
    train, fresh = rows(8000, 0), rows(2000, 1)
    strange = change(rows(2000, 2))
    truth = np.repeat([0, 1], 2000)
    both = np.hstack([fresh, strange])
    mine = roc_auc_score(truth, HalfSpaces.build(train, ()).score(both))
    forest = IsolationForest(random_state=0).fit(np.nan_to_num(train.T, nan=-20))
    theirs = roc_auc_score(truth, -forest.score_samples(np.nan_to_num(both.T, nan=-20)))
    assert mine > max(theirs, 0.6)


def test_ranks_of_new_rows_are_those_of_training_rows() -> None:
    """Rows that were not learnt, of the same kind, exceed 99 % and 99.9 % as often as that says."""
    learnt = HalfSpaces.build(rows(20_000, 0), ())
    ranks = learnt.rank(rows(20_000, 1))
    assert ranks.min() >= 0
    assert ranks.max() <= 1
    assert (ranks > 0.5).mean() == pytest.approx(0.5, abs=0.02)
    assert (ranks > 0.99).mean() == pytest.approx(0.01, abs=0.003)
    assert (ranks > 0.999).mean() == pytest.approx(0.001, abs=0.0009)


def test_stranger_than_all_still_has_an_order() -> None:
    """Bits grow with the score beyond the strangest training row, and ranks stay below or at 1."""
    learnt = HalfSpaces.build(rows(2000, 0), ())
    top = learnt.quantiles[-1]
    bits = learnt.bits(np.array([top, top + 1, top + 2]))
    assert np.diff(bits).tolist() == pytest.approx([1, 1])
    assert bits[0] == pytest.approx(np.log2(1000), abs=1)


def test_the_same_seed_gives_the_same_half_spaces() -> None:
    """Learning is reproducible, and another seed asks other questions."""
    points = rows(1000, 0)
    one, two, other = (HalfSpaces.build(points, (), seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one.masses, two.masses)
    assert not np.array_equal(one.masses, other.masses)
    assert (one.masses.sum(1) == 1000).all()


def test_rows_score_alone_as_they_do_together() -> None:
    """How rows are cut into batches changes no score."""
    learnt = HalfSpaces.build(rows(1000, 0), ())
    points = rows(9000, 1)
    together = learnt.score(points)
    assert np.array_equal(together[:50], np.concatenate([learnt.score(points[:, i : i + 1]) for i in range(50)]))
    assert np.array_equal(together[8990:], learnt.score(points[:, 8990:]))
    assert learnt.score(points[:, :0]).shape == (0,)


def test_missing_is_strange_only_where_it_is_rare() -> None:
    """A column that was half missing may be missing; one that never was may not."""
    learnt = HalfSpaces.build(rows(8000, 0), ())
    usual, unusual = rows(1000, 1), rows(1000, 1)
    usual[2], unusual[7] = np.nan, np.nan
    assert np.median(learnt.rank(usual)) < 0.8
    assert np.median(learnt.rank(unusual)) > 0.99


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((3, 50)),
        np.full((2, 50), np.nan),
        np.array([[1.0], [2.0]]),
        np.array([[np.inf, -np.inf, 1e308, -1e308, 0.0]] * 2),
        np.vstack([np.arange(40.0), np.full(40, np.nan)]),
    ],
    ids=["constant", "missing", "one row", "huge", "half missing"],
)
def test_degenerate_rows_are_learnt(points: np.ndarray) -> None:
    """Constant, missing, single and huge values give finite scores, and a new value of a constant column is strange."""
    learnt = HalfSpaces.build(points, ())
    assert np.isfinite(learnt.score(points)).all()
    assert (learnt.rank(points) <= 1).all()
    if not points.any():
        assert learnt.rank(points).max() == 0
        assert learnt.rank(np.ones((3, 1)))[0] > 0.9


def test_categories_have_their_spots() -> None:
    """Rare categories surprise more, unseen ones most, and a missing one stands nowhere in their order."""
    found = spots(Categorical.build(np.array(["a"] * 90 + ["b"] * 10)))
    surprise, place = found.T
    assert surprise[0] < surprise[1] < surprise[2] == surprise[3]
    assert place[:3].tolist() == pytest.approx([0.45, 0.95, 1.0])
    assert np.isnan(place[3])


def test_unfit_parts_are_refused() -> None:
    """Arrays that do not belong together, and axes that no point has, are refused."""
    good = HalfSpaces.build(rows(100, 0), ())
    names = ("names", "width", "axes", "thresholds", "masses", "rows", "quantiles")
    parts: dict[str, Any] = {name: getattr(good, name) for name in names}
    for change in ({"width": 2}, {"axes": good.axes[:-1]}, {"quantiles": np.empty(0)}):
        with pytest.raises(ReferenceRefused, match="half-spaces"):
            HalfSpaces(**{**parts, **change})
