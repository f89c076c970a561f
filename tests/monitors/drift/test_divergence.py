"""PSI, JS and Hellinger: equal to independent implementations, and true to their laws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from monitors.drift.divergence import hellinger, js, psi
from monitors.errors import BinMismatch

PAIRS = [
    ([50, 50], [25, 75]),
    ([100, 200, 300, 400], [120, 180, 330, 370]),
    ([10, 10, 10, 10, 10], [1, 5, 9, 20, 40]),
    ([1000, 1], [7, 3]),
]
EMPTY = [([50, 0, 50], [30, 10, 60]), ([0, 9, 1], [5, 0, 5]), ([9, 0], [0, 9])]
COUNTS = arrays.arrays(np.int64, 6, elements=st.integers(0, 10_000)).filter(lambda counts: counts.sum() > 0)


@pytest.mark.parametrize(("reference", "observed"), PAIRS)
def test_psi_is_both_kullback_leibler_divergences(reference: list[int], observed: list[int]) -> None:
    """As SciPy computes them, where no share is small enough for the floor."""
    expected = entropy(reference, observed) + entropy(observed, reference)
    assert float(psi(np.array(reference), np.array(observed))) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("reference", "observed"), PAIRS + EMPTY)
def test_js_is_that_of_scipy_in_base_2(reference: list[int], observed: list[int]) -> None:
    """Empty bins included: 0 log 0 is 0."""
    expected = jensenshannon(reference, observed, 2)
    assert float(js(np.array(reference), np.array(observed))) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("reference", "observed"), PAIRS + EMPTY)
def test_hellinger_is_one_less_the_bhattacharyya_coefficient(reference: list[int], observed: list[int]) -> None:
    """Its square is: another formula for the same distance."""
    p, q = np.array(reference) / sum(reference), np.array(observed) / sum(observed)
    expected = np.sqrt(max(0, 1 - np.sqrt(p * q).sum()))
    assert float(hellinger(np.array(reference), np.array(observed))) == pytest.approx(expected, abs=1e-9)


def test_psi_of_an_empty_bin_is_bounded() -> None:
    """A share of 0 counts as 1e-4: (0.5 - 0.0001) ln(0.5 / 0.0001), by hand."""
    found = float(psi(np.array([50, 50, 0]), np.array([0, 50, 50])))
    assert found == pytest.approx(2 * 0.4999 * np.log(5000))


@given(COUNTS, COUNTS)
def test_ranges(reference: np.ndarray, observed: np.ndarray) -> None:
    """None is negative, JS and Hellinger never pass 1, and no order of the bins makes a difference."""
    for statistic in (psi, js, hellinger):
        found = float(statistic(reference, observed))
        assert found >= 0
        assert statistic is psi or found <= 1
        assert float(statistic(reference[::-1], observed[::-1])) == pytest.approx(found, abs=1e-12)
        assert float(statistic(reference, 3 * reference)) == pytest.approx(0, abs=1e-7)


@given(COUNTS, COUNTS)
def test_features_are_judged_together_as_they_are_alone(reference: np.ndarray, observed: np.ndarray) -> None:
    """Rows of a table, padded with empty bins, give what each gives on its own."""
    table = np.array([[*reference, 0, 0], [*observed, 0, 0]]), np.array([[*observed, 0, 0], [*observed, 0, 0]])
    for statistic in (psi, js, hellinger):
        assert statistic(*table) == pytest.approx([float(statistic(reference, observed)), 0], abs=1e-12)


@pytest.mark.parametrize("statistic", [psi, js, hellinger])
def test_one_reference_serves_many_windows(statistic: Callable) -> None:
    """Leading axes are broadcast."""
    reference, windows = np.array([50, 30, 20]), np.array([[20, 30, 50], [5, 0, 5]])
    assert statistic(reference, windows) == pytest.approx([float(statistic(reference, one)) for one in windows])


@pytest.mark.parametrize("statistic", [psi, js, hellinger])
def test_nothing_counted_is_nan(statistic: Callable) -> None:
    """Not 0, which would say that nothing moved."""
    assert np.isnan(statistic(np.array([5, 5]), np.array([0, 0])))


def test_lengths_must_be_equal() -> None:
    """The message says which lengths were found."""
    with pytest.raises(BinMismatch, match="found 3 bins, expected 2"):
        psi(np.array([1, 2]), np.array([1, 2, 3]))


@pytest.mark.parametrize(("rows", "bins"), [(500, 20), (5000, 10)])
def test_psi_without_drift_has_the_mean_that_its_docstring_states(rows: int, bins: int) -> None:
    """(bins - 1)(1/n + 1/m), within 5 %."""
    random = np.random.default_rng(0)
    reference, observed = (random.multinomial(n, np.full(bins, 1 / bins), 4000) for n in (20_000, rows))
    assert psi(reference, observed).mean() == pytest.approx((bins - 1) * (1 / rows + 1 / 20_000), rel=0.05)
