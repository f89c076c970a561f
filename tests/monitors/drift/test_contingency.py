"""chi² with rare cells merged, and L∞."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from monitors.drift.contingency import COCHRAN, LEAST, chi2, linf, merged
from monitors.errors import BinMismatch

TABLES = [
    ([50, 30, 20], [30, 40, 30]),
    ([500, 300, 200, 100], [51, 29, 22, 8]),
    ([600, 390, 1], [40, 57, 2]),  # the rare one takes the next smallest in, for alone it would expect 0.3
    ([400, 300, 3, 2, 4, 4], [300, 410, 2, 5, 1, 3]),  # four rare ones make one that is not
    ([1000, 800, 0, 0], [80, 110, 9, 2]),  # values that the reference never had
]
MERGED = [
    ([50, 30, 20], [30, 40, 30]),
    ([500, 300, 200, 100], [51, 29, 22, 8]),
    ([600, 391], [40, 59]),
    ([400, 300, 13], [300, 410, 11]),
    ([1000, 800, 0], [80, 110, 11]),
]


@pytest.mark.parametrize(("table", "by_hand"), list(zip(TABLES, MERGED, strict=True)))
def test_chi2_is_that_of_scipy_on_the_merged_table(table: tuple, by_hand: tuple) -> None:
    """Without Yates' correction, which is not for it."""
    expected = chi2_contingency(by_hand, correction=False).statistic
    assert float(chi2(*map(np.array, table))) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("table", TABLES)
def test_merged_cells_follow_cochran(table: tuple) -> None:
    """All but one expect at least 5 in either row, that one at least 1, and no row is lost."""
    reference, observed = merged(*map(np.array, table))
    held = reference + observed > 0
    expected = np.outer([reference.sum(), observed.sum()], (reference + observed)[held]) / (reference + observed).sum()
    assert expected.min() >= LEAST
    assert (expected < COCHRAN).any(0).sum() <= 1
    assert (reference.sum(), observed.sum()) == (sum(table[0]), sum(table[1]))


def test_features_are_judged_together_as_they_are_alone() -> None:
    """A table padded with empty cells changes nothing."""
    width = max(len(table[0]) for table in TABLES)
    padded = [np.array([np.pad(table[row], (0, width - len(table[row]))) for table in TABLES]) for row in (0, 1)]
    alone = [float(chi2(*map(np.array, table))) for table in TABLES]
    assert chi2(*padded) == pytest.approx(alone)
    assert linf(*padded) == pytest.approx([float(linf(*map(np.array, table))) for table in TABLES])


def test_chi2_does_not_overflow() -> None:
    """Millions of rows, squared and multiplied, pass int64."""
    many = np.array([5_000_000, 4_000_000, 3_000_000])
    expected = chi2_contingency([many * 10, many[::-1]], correction=False).statistic
    assert float(chi2(many * 10, many[::-1])) == pytest.approx(expected)


def test_linf_is_the_largest_move_of_a_share() -> None:
    """By hand."""
    assert float(linf(np.array([50, 30, 20]), np.array([6, 3, 1]))) == pytest.approx(0.1)


@pytest.mark.parametrize("statistic", [chi2, linf])
def test_nothing_counted_is_nan_and_lengths_must_be_equal(statistic: object) -> None:
    """As of the other statistics."""
    assert np.isnan(statistic(np.array([5, 5]), np.array([0, 0])))  # type: ignore[operator]
    with pytest.raises(BinMismatch):
        statistic(np.array([5, 5]), np.array([1, 2, 3]))  # type: ignore[operator]
