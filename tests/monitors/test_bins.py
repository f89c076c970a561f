"""Bins are for people: few, in order, named for what is in them, and complete."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from monitors.bins import MOST, binned, numbers
from monitors.caption import LONGEST, caption
from monitors.categorical import Categorical
from monitors.layout import Quantity
from monitors.numeric import Numeric


def _bins(reference: Any, now: Any, **options: Any) -> Any:
    values = np.asarray(reference)
    profile = Numeric.build(values) if values.dtype.kind in "fiu" else Categorical.build(values)
    quantity = Quantity("x", "x", profile)
    return binned(quantity, np.bincount(profile.index(np.asarray(now)), minlength=quantity.width), **options)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.5] * 9, ["< 0.5", "0.5", "> 0.5"]),
        ([1, 2, 2, 3, 3, 3], ["≤ 1", "2", "> 2"]),
        (np.repeat([0, 10, 20], 30), ["≤ 0", "1 – 10", "> 10"]),
        ([np.nan, np.nan], ["any"]),
        ([0.001, 0.0012, 0.00121, 5e12], ["≤ 0.001", "0.001 – 0.0012", "0.0012 – 0.00121", "> 0.00121"]),
        ([0.25, 3e12, 4e12], ["≤ 0.25", "0.25 – 3e+12", "> 3e+12"]),
    ],
)
def test_bins_of_numbers_say_where_they_end(values: Any, labels: list[str]) -> None:
    """With as many digits as tell them apart; whole numbers have no ends between them."""
    assert numbers(Numeric.build(np.array(values)))[:-1] == labels


def test_neighbours_are_joined_where_there_are_many() -> None:
    """Ten bins of a normal variable, each with about a tenth of the reference."""
    values = np.random.default_rng(0).normal(size=5_000)
    bins = _bins(values, values + 1)
    assert len(bins.labels) == MOST
    assert bins.ordered
    np.testing.assert_allclose(bins.reference, 0.1, atol=0.002)
    assert bins.now[-1] > 0.3


def test_what_is_missing_is_a_bin_of_its_own_where_there_is_any() -> None:
    """Then, or now."""
    assert "missing" not in _bins([1.0, 2, 3], [1.0]).labels
    then, now = _bins([1.0, 2, np.nan, np.nan], [1.0]), _bins([1.0, 2, 3], [np.nan])
    assert (then.labels[-1], then.reference[-1], then.now[-1]) == ("missing", 0.5, 0)
    assert (now.labels[-1], now.reference[-1], now.now[-1]) == ("missing", 0, 1)


def test_categories_that_were_or_are_frequent_have_a_name() -> None:
    """The others together are `other`, and so are those that the reference never saw; nothing of them is kept by name."""
    reference = np.array([f"c{i:02d}" for i in range(40) for _ in range(40 - i)], object)
    bins = _bins(reference, np.array(["c39"] * 50 + ["never seen"] * 50, object))
    assert bins.labels == (*[f"c{i:02d}" for i in range(8)], "c39", "other")
    assert bins.now.tolist() == [*[0.0] * 8, 0.5, 0.5]


def test_a_category_that_is_called_like_a_bin_shares_it() -> None:
    """Two bins of one name would be two series of one name."""
    bins = _bins(np.array(["other", "missing", "a"], object), np.array(["b", "other", None], object))
    assert sorted(bins.labels) == ["a", "missing", "other"]
    assert bins.now[bins.labels.index("other")] == pytest.approx(2 / 3)


def test_nothing_is_said_of_no_rows() -> None:
    """Neither of a window without any, nor of a reference."""
    assert _bins([1.0, 2], []) is None
    assert _bins([1.0, 2], [1.0]) is not None


@given(
    arrays.arrays(np.float64, st.integers(1, 60), elements=st.floats(allow_nan=True, width=64)),
    arrays.arrays(np.float64, st.integers(1, 30), elements=st.floats(allow_nan=True, width=64)),
)
def test_every_row_is_in_one_bin(reference: Any, now: Any) -> None:
    """Whatever the numbers are; and no two bins have one label."""
    bins = _bins(reference, now)
    assert len(set(bins.labels)) == len(bins.labels) <= MOST + 1
    assert bins.reference.sum() == pytest.approx(1)
    assert bins.now.sum() == pytest.approx(1)


@given(st.text(), st.text())
def test_captions_are_short_printable_and_different(one: str, other: str) -> None:
    """Whatever clients, or training data, call things."""
    for text in (one, "x" * 70 + one, one + "\ud800\n\u202e"):
        assert len(caption(text)) <= LONGEST
        assert caption(text).isprintable()
        assert len(caption(text).encode()) <= 4 * LONGEST
    assert (caption(one) == caption(other)) == (one == other)
    assert caption("y" * 200 + one) == caption("y" * 200 + other) or one != other
