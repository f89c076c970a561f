"""P-values and intervals against SciPy, papers' own numbers, and exact distributions."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import gammaln, xlogy

from monitors.significance import (
    homogeneities,
    homogeneity,
    mean_shift,
    newcombe,
    proportion,
    two_proportions,
    wilson,
)
from monitors.significance.normal import lugannani_rice, upper

ZIPF = tuple(1 / np.arange(1, 11) ** 1.5)
RARE = (0.5, 0.3, 0.15, 0.04, 0.007, 0.002, 0.001)


@pytest.mark.parametrize("z", [-3.0, 0.0, 0.5, 1.96, 8.0, 30.0])
def test_the_normal_tail_is_scipys_however_far_out(z: float) -> None:
    """To ten digits, where 1 - CDF would long be 0."""
    assert upper(z) == pytest.approx(stats.norm.sf(z), rel=1e-10)


@pytest.mark.parametrize(("value", "expected", "se"), [(10.3, 10.0, 0.1), (-4.0, 4.0, 0.5), (0.0, 0.0, 2.0)])
def test_a_shifted_mean_has_the_p_value_of_its_z(value: float, expected: float, se: float) -> None:
    """Both tails of the normal distribution."""
    assert mean_shift(value, expected, se) == pytest.approx(2 * stats.norm.sf(abs(value - expected) / se), rel=1e-10)


@pytest.mark.parametrize(
    ("arguments", "p"),
    [((math.nan, 1, 1), 1.0), ((1, 1, math.nan), 1.0), ((1, 1, 0), 1.0), ((2, 1, 0), 0.0), ((math.inf, 1, 1), 0.0)],
)
def test_a_mean_that_was_not_measured_did_not_depart(arguments: tuple[float, float, float], p: float) -> None:
    """And one without any spread departed if it differs at all."""
    assert mean_shift(*arguments) == p


@pytest.mark.parametrize("degrees", [2, 19, 99])
def test_the_saddlepoint_of_chi_square_gives_its_tail(degrees: int) -> None:
    """Within 4 % from the 30th percentile to 1e-12, for any degrees of freedom."""
    x = stats.chi2.isf(np.array([0.3, 1e-2, 1e-5, 1e-8, 1e-12]), degrees)
    w, v = np.sqrt(x - degrees - degrees * np.log(x / degrees)), (x - degrees) / np.sqrt(2 * degrees)
    assert lugannani_rice(w, v) == pytest.approx(stats.chi2.sf(x, degrees), rel=0.05)


@given(st.integers(1, 400), st.data())
def test_a_proportion_has_scipys_exact_p_value(rows: int, data: st.DataObject) -> None:
    """Whatever was counted, and whatever was expected."""
    successes = data.draw(st.integers(0, rows))
    share = data.draw(st.sampled_from([0.001, 0.02, 0.31, 0.5, 0.9]))
    exact = stats.binomtest(successes, rows, share).pvalue
    assert proportion(successes, rows, share) == pytest.approx(exact, rel=1e-8, abs=1e-30)


@given(st.integers(1, 150), st.integers(1, 300), st.data())
def test_two_proportions_have_fishers_p_value(rows: int, others: int, data: st.DataObject) -> None:
    """As SciPy finds it."""
    one, other = data.draw(st.integers(0, rows)), data.draw(st.integers(0, others))
    exact = stats.fisher_exact([[one, rows - one], [other, others - other]]).pvalue
    assert two_proportions(one, rows, other, others) == pytest.approx(exact, rel=1e-6, abs=1e-300)


@pytest.mark.parametrize("successes", [20_300, 20_900, 23_000])
def test_many_rows_are_no_trouble(successes: int) -> None:
    """100,000 rows take a millisecond and lose no digits."""
    assert proportion(successes, 100_000, 0.2) == pytest.approx(
        stats.binomtest(successes, 100_000, 0.2).pvalue, rel=1e-7
    )


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (proportion(0, 0, 0.3), 1.0),
        (proportion(0, 50, 0.0), 1.0),
        (proportion(1, 50, 0.0), 0.0),
        (proportion(50, 50, 1.0), 1.0),
        (two_proportions(0, 0, 3, 9), 1.0),
        (two_proportions(3, 9, 0, 0), 1.0),
        (two_proportions(0, 5, 0, 9), 1.0),
    ],
)
def test_what_cannot_be_told_is_not_significant(p: float, expected: float) -> None:
    """No rows say nothing; what never happens says everything when it does."""
    assert p == expected


@pytest.mark.parametrize(("successes", "rows"), [(0, 10), (10, 10), (2, 100), (81, 263), (15, 148)])
def test_wilson_is_scipys(successes: int, rows: int) -> None:
    """At 95 % and at 99 %."""
    for confidence in (0.95, 0.99):
        interval = stats.binomtest(successes, rows).proportion_ci(confidence, "wilson")
        assert wilson(successes, rows, confidence) == pytest.approx((interval.low, interval.high), abs=1e-12)


@pytest.mark.parametrize(
    ("counts", "interval"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((6, 7, 2, 7), (0.0582, 0.8062)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
        ((0, 10, 0, 20), (-0.1611, 0.2775)),
        ((10, 10, 0, 20), (0.6791, 1.0)),
    ],
)
def test_newcombe_is_newcombes(counts: tuple[int, int, int, int], interval: tuple[float, float]) -> None:
    """The examples of table II of his paper, method 10."""
    assert newcombe(*counts) == pytest.approx(interval, abs=1e-4)


def test_intervals_of_nothing_hold_everything() -> None:
    """A share is in [0, 1], a difference of shares in [-1, 1]."""
    assert wilson(0, 0) == (0, 1)
    assert newcombe(0, 0, 1, 2) == (-1, 1)


@pytest.mark.parametrize(
    ("shares", "rows", "others"),
    [((1,) * 20, 100, 10_000), (ZIPF, 100, 10_000), (RARE, 100, 10_000), (RARE, 300, 300), ((1,) * 10, 300, 1_000)],
    ids=["equal", "zipf", "rare", "small", "even"],
)
def test_the_tail_of_homogeneity_is_the_exact_one(shares: tuple[float, ...], rows: int, others: int) -> None:
    """Within 10 % from 0.1 to 1e-8, expected counts of a tenth of a row included."""
    totals = np.maximum(np.rint(np.array(shares) / sum(shares) * (rows + others)), 1).astype(int)
    width = 0.01
    tail = _exact_tail(totals, rows, width)
    random = np.random.default_rng(0)
    departed = [_departed(random, totals, rows, strength) for strength in np.geomspace(0.02, 1, 80)]
    exact = np.array([tail[min(_place(totals, observed, width), len(tail) - 1)] for observed in departed])
    told = (exact > 1e-8) & (exact < 0.1)
    p = homogeneities(totals - np.array(departed), np.array(departed))
    assert told.sum() >= 10
    assert p[told] == pytest.approx(exact[told], rel=0.1)


def _departed(random: np.random.Generator, totals: np.ndarray, rows: int, strength: float) -> np.ndarray:
    """Counts that add up to `rows`, moved from what the totals lead to expect."""
    weights = totals * np.exp(random.normal(0, strength, len(totals)))
    drawn = random.multinomial(rows, weights / weights.sum())
    return (
        np.minimum(drawn, totals) if drawn.sum() == np.minimum(drawn, totals).sum() else totals * rows // totals.sum()
    )


def _ratio(counts: np.ndarray, total: np.ndarray | int, share: float) -> np.ndarray:
    rest = total - counts
    return 2 * (
        xlogy(counts, counts) - xlogy(counts, total * share) + xlogy(rest, rest) - xlogy(rest, total * (1 - share))
    )


def _place(totals: np.ndarray, observed: np.ndarray, width: float) -> int:
    share = observed.sum() / totals.sum()
    return int(np.rint(_ratio(observed, totals, share).sum() / width))


def _exact_tail(totals: np.ndarray, rows: int, width: float, most: float = 90) -> np.ndarray:
    """P(G >= i * width), given the totals: cell by cell, by the count and the ratio reached so far."""
    share, last = rows / totals.sum(), int(most / width)
    reached = np.zeros((rows + 1, last + 1))
    reached[0, 0] = 1
    for total in np.sort(totals):
        counts = np.arange(min(total, rows) + 1)
        chance = stats.binom.pmf(counts, total, share)
        counts, chance = counts[chance > 1e-14], chance[chance > 1e-14]
        gains = np.minimum(np.rint(_ratio(counts, total, share) / width).astype(int), last)
        following = np.zeros_like(reached)
        for count, probability, gain in zip(counts, chance, gains, strict=True):
            kept = reached[: rows + 1 - count]
            following[count:, gain:] += probability * kept[:, : last + 1 - gain]
            following[count:, last] += probability * kept[:, last + 1 - gain :].sum(1)
        reached = following
    final = reached[rows] / reached[rows].sum()
    return final[::-1].cumsum()[::-1]


def test_the_size_of_homogeneity_is_what_it_says() -> None:
    """All 12,341 ways to fill four cells with 40 rows: none of the levels is exceeded by more than a tenth."""
    totals, rows = np.array([500, 300, 150, 90]), 40
    grid = np.indices((rows + 1,) * 3).reshape(3, -1).T
    grid = grid[grid.sum(1) <= rows]
    observed = np.column_stack([grid, rows - grid.sum(1)])
    choose = lambda n, k: gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)  # noqa: E731
    chance = np.exp(choose(totals, observed).sum(1) - choose(totals.sum(), rows))
    p = np.concatenate([homogeneities(totals - part, part) for part in np.array_split(observed, 8)])
    assert chance.sum() == pytest.approx(1)
    for level in (5e-2, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8):
        assert 0.75 * level < chance[p <= level].sum() < 1.1 * level


def test_two_cells_are_fishers_test() -> None:
    """In the tail, where it counts."""
    assert homogeneity(np.array([900, 0, 100]), np.array([70, 0, 30])) == pytest.approx(
        stats.fisher_exact([[900, 100], [70, 30]]).pvalue, rel=1e-9
    )


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 300)), min_size=1, max_size=30))
def test_any_counts_have_a_p_value(cells: list[tuple[int, int]]) -> None:
    """Between 0 and 1, the same with the cells turned round, with empty ones added, and with the samples exchanged."""
    reference, observed = np.array(cells).T
    p = homogeneity(reference, observed)
    assert 0 <= p <= 1
    for other in (
        homogeneity(observed, reference),
        homogeneity(reference[::-1], observed[::-1]),
        homogeneity(np.append(reference, 0), np.append(observed, 0)),
    ):
        assert other == pytest.approx(p, rel=1e-4, abs=1e-200)


def test_many_features_at_once_are_each_on_its_own() -> None:
    """Padding and neighbours change nothing."""
    random = np.random.default_rng(3)
    reference, observed = np.zeros((12, 20), int), np.zeros((12, 20), int)
    for row in range(12):
        cells = int(random.integers(2, 21))
        reference[row, :cells] = random.multinomial(20_000, np.ones(cells) / cells)
        observed[row, :cells] = random.multinomial(1_000, random.dirichlet(np.full(cells, 200)))
    single = [homogeneity(*pair) for pair in zip(reference, observed, strict=True)]
    assert homogeneities(reference, observed) == pytest.approx(single, rel=1e-3)


def test_the_further_the_smaller() -> None:
    """The p-value falls as rows move from one cell to another, through every method it is computed by."""
    reference = np.full(20, 1_000)
    moved = [np.full(20, 50) + 8 * step * (np.arange(20) // 10 * 2 - 1) // 4 for step in range(0, 22)]
    p = [homogeneity(reference, observed) for observed in moved]
    assert all(after <= before for before, after in pairwise(p))
    assert p[0] > 0.99
    assert p[-1] < 1e-50


def test_nothing_to_compare_is_no_departure() -> None:
    """An empty window or an empty reference."""
    assert homogeneity(np.zeros(5, int), np.arange(5)) == 1
    assert homogeneity(np.arange(5), np.zeros(5, int)) == 1
    assert homogeneity(np.array([7]), np.array([3])) == pytest.approx(1)
