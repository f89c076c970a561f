"""Alarms on simulated traffic: as many false ones as asked for, and real changes found at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from scipy import stats

from monitors.alarm import Alarms
from monitors.budget import MONTH_S, Budget
from monitors.drift.divergence import psi
from monitors.measurement import Measurement
from monitors.significance import homogeneities

FEATURES, BINS = 30, 20
KINDS = 1_000
"""Traffic is drawn from so many different rows: counts of n rows follow from how often each was drawn."""

REFERENCES = (10_000, 20_000, 40_000)


@cache
def population(seed: int = 0) -> np.ndarray:
    """The bin that each feature has in each kind of row, int64 [kinds, features].

    Normal and lognormal numbers in 20 quantile bins, integers with ties, and categories of which some are rare; all of
    them correlate, by a Gaussian copula of five factors.
    """
    random = np.random.default_rng(seed)
    loadings = random.normal(0, 0.6, (5, FEATURES))
    z = random.normal(size=(KINDS, 5)) @ loadings + random.normal(0, 0.7, (KINDS, FEATURES))
    ranks = (z.argsort(0).argsort(0) + 0.5) / KINDS
    bins = np.empty((KINDS, FEATURES), np.int64)
    bins[:, :12] = ranks[:, :12] * BINS
    bins[:, 12:18] = stats.poisson.ppf(ranks[:, 12:18], [0.3, 1, 2, 3, 4, 5]).clip(0, BINS - 1)
    for column in range(18, FEATURES):
        cells = (2, 3, 5, 8, 12, 20)[column % 6]
        shares = np.arange(1, cells + 1.0) ** -(1.5 + column % 2)
        bins[:, column] = np.searchsorted(shares.cumsum() / shares.sum(), ranks[:, column])
    return bins


@cache
def indicator(seed: int = 0) -> np.ndarray:
    """`population` as float32 [kinds, features * bins] of zeros and ones: drawn rows times this are counts."""
    return (population(seed)[..., None] == np.arange(BINS)).reshape(KINDS, -1).astype(np.float32)


def counts(random: np.random.Generator, windows: int, rows: int) -> np.ndarray:
    """Counts by bin of windows of so many rows each, int64 [windows, features, bins]."""
    drawn = np.stack([np.bincount(random.integers(0, KINDS, rows), minlength=KINDS) for _ in range(windows)])
    return np.rint(drawn.astype(np.float32) @ indicator()).astype(np.int64).reshape(windows, FEATURES, BINS)


@dataclass(frozen=True)
class Simulated:
    """P-values [references, windows, features] of traffic that does not change, and the rows of each reference."""

    p: np.ndarray
    references: np.ndarray
    rows: int

    def alarms(self, asked: float) -> np.ndarray:
        """False alarms on each reference, where `asked` are expected of each window, and all departures matter."""
        return np.array([self._alarms(asked, *pair) for pair in zip(self.p, self.references, strict=True)])

    def _alarms(self, asked: float, windows: np.ndarray, reference: int) -> int:
        alarms = Alarms(Budget(asked, reference_rows=int(reference)))
        fired, end = 0, 0.0
        for p in windows.tolist():
            end += MONTH_S
            judged = alarms.judge(MONTH_S, [_measurement(place, value, self.rows) for place, value in enumerate(p)])
            fired += sum(one.state == "firing" and one.since == end for one in judged)
        return fired


def _measurement(place: int, p: float, rows: int, matters: bool = True) -> Measurement:
    return Measurement("drift", str(place), "psi", 0.0, rows, p=p, matters=matters)


def simulate(windows: int, rows: int, each: int = 50, seed: int = 0) -> Simulated:
    """So many windows of so many rows, each `each` of them against a reference of their own."""
    random = np.random.default_rng([seed, rows])
    sizes = np.resize(REFERENCES, windows // each)
    p = []
    for size in sizes:
        reference, observed = counts(random, 1, int(size)), counts(random, each, rows)
        p.append([homogeneities(reference[0], window) for window in observed])
    return Simulated(np.array(p), sizes, rows)


def check(simulated: Simulated, asked: float) -> float:
    """Asserts that false alarms are at most those asked for, and at least half of them, but for three standard errors."""
    found = simulated.alarms(asked)
    expected = asked * simulated.p.shape[1]
    error = 3 * found.std(ddof=1) / np.sqrt(len(found))
    assert found.mean() - error <= expected
    assert found.mean() + error >= expected / 2
    return float(found.mean() / expected)


def test_false_alarms_are_those_asked_for() -> None:
    """600 windows of 30 features that correlate: not more false alarms than asked for, and not less than half of it."""
    check(simulate(600, 300), 0.2)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [100, 1_000, 10_000])
def test_false_alarms_are_those_asked_for_in_ten_thousand_windows(rows: int) -> None:
    """About a thousand of them; p-values below 1e-3 and 1e-4 are as frequent as they say."""
    simulated = simulate(10_000, rows)
    check(simulated, 0.1)
    for level in (1e-2, 1e-3, 1e-4):
        each = (simulated.p < level).mean((1, 2))
        error = 3 * max(each.std(ddof=1) / np.sqrt(len(each)), np.sqrt(level / simulated.p.size))
        assert 0.6 * level - error < each.mean() < 1.05 * level + error


def _replay(change: str, rows: int = 1_000, seed: int = 5) -> tuple[list[str], set[int]]:
    """Three quiet windows and two changed ones of a minute, at the default budget.

    The states of feature 0 in each window, and which others ever alarmed. A change of the mean must also pass PSI 0.1; the
    other two are small by that measure, and what matters of them is for other monitors to say.
    """
    random = np.random.default_rng(seed)
    before, after = _shares(change)
    reference = counts(random, 1, 20_000)[0]
    reference[0] = random.multinomial(20_000, before)
    alarms = Alarms(Budget(reference_rows=20_000))
    states, others = [], set()
    for window, observed in enumerate(counts(random, 5, rows)):
        observed[0] = random.multinomial(rows, after if window >= 3 else before)
        large = psi(reference, observed) >= 0.1 if change == "mean" else np.ones(FEATURES, bool)
        p = homogeneities(reference, observed)
        judged = alarms.judge(60, [_measurement(i, float(p[i]), rows, bool(large[i])) for i in range(FEATURES)])
        states.append(judged[0].state)
        others |= {int(one.measurement.subject) for one in judged[1:] if one.state == "firing"}
    return states, others


def _shares(change: str) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the bins before and after."""
    before, after = np.zeros(BINS), np.zeros(BINS)
    if change == "mean":
        edges = stats.norm.ppf(np.arange(BINS + 1) / BINS)
        return np.diff(stats.norm.cdf(edges)), np.diff(stats.norm.cdf(edges - 0.5))
    if change == "category":
        before[:4] = 0.5, 0.3, 0.15, 0.05
        after[:] = 0.98 * before
        after[4] = 0.02
    else:
        before[:2], after[:2] = (0.8, 0.2), (0.7, 0.3)
    return before, after


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("change", ["mean", "category", "base rate"])
def test_a_change_is_found_within_two_windows_and_the_others_stay_quiet(change: str, seed: int) -> None:
    """Half a standard deviation in one of 30 features; a new category of 2 %; half as many positives again."""
    states, others = _replay(change, seed=seed)
    assert states[:3] == ["ok"] * 3
    assert states[4] == "firing"
    assert not others
