"""A category: which values it has, and what is other or missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitors.categorical import MOST, Categorical
from monitors.errors import ReferenceRefused
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema


@pytest.mark.parametrize(
    ("values", "known", "counts"),
    [
        (np.array(["b", "a", "b"]), ("a", "b"), [1, 2]),
        (np.array(["b", "a", None, "", float("nan")], object), ("a", "b"), [1, 1]),
        (np.array([True, False, True]), (False, True), [1, 2]),
        (np.array([3, 1, 3]), (1, 3), [1, 2]),
        (np.array([3.0, 1.0, np.nan]), (1, 3), [1, 1]),
        (np.array([], object), (), []),
    ],
)
def test_categories_are_found_and_sorted(values: Any, known: tuple[Any, ...], counts: list[int]) -> None:
    """Without a declaration the values of the data are the categories; None, NaN and "" are missing."""
    profile = Categorical.build(values)
    assert profile.values == known
    assert [type(value) for value in profile.values] == [type(value) for value in known]
    assert profile.counts.tolist() == counts
    assert profile.missing == len(values) - sum(counts)


def test_declared_categories_keep_their_order() -> None:
    """A declared category is counted where it is declared, even 0 times; the rest is other."""
    profile = Categorical.build(np.array(["rain", "clear", "hail"]), ("clear", "snow", "rain"))
    assert profile.values == ("clear", "snow", "rain")
    assert profile.counts.tolist() == [1, 0, 1]
    assert (profile.other, profile.missing) == (1, 0)


def test_many_categories_stay_bounded() -> None:
    """Of more values than 256 the most frequent are kept, and the others counted as such."""
    values = np.array([f"t{i}" for i in range(1000)] + ["often"] * 5, object)
    profile = Categorical.build(values)
    assert len(profile.values) == MOST
    assert "often" in profile.values
    assert profile.other == len(values) - int(profile.counts.sum())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([1.5, 2.0]), "found float values, expected either strings, integers or booleans"),
        (np.array(["a", 1], object), "found int and str values"),
        (np.array([["a"], None], object), "found list values"),
        (np.array([b"a"], object), "found bytes values"),
    ],
)
def test_unfit_categories_are_refused(values: Any, message: str) -> None:
    """Values that are no categories are named by their type, with the column."""
    schema = Schema((ColumnSpec("origin", "categorical"),))
    with pytest.raises(ReferenceRefused, match=f'column "origin": .*{message}'):
        Reference.build({"origin": values}, schema)
