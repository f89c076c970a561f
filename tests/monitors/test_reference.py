"""The reference as a whole: every row is counted once, and what does not fit is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitors.categorical import Categorical
from monitors.errors import ReferenceRefused
from monitors.numeric import Numeric
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema


def test_profiles_are_frozen(reference: Reference) -> None:
    """Neither fields nor arrays of a reference can be changed, whether built or loaded."""
    profile = reference["temperature"]
    assert isinstance(profile, Numeric)
    with pytest.raises(ValueError, match="read-only"):
        profile.counts[0] = 1
    with pytest.raises(AttributeError):
        reference.rows = 1  # type: ignore[misc]


def test_every_row_is_counted_once(reference: Reference) -> None:
    """Counts are int64, and counted, other and missing values add up to the rows."""
    temperature, origin = reference["temperature"], reference["origin"]
    assert isinstance(temperature, Numeric)
    assert isinstance(origin, Categorical)
    assert temperature.counts.dtype == origin.counts.dtype == np.int64
    assert temperature.count + temperature.missing == 400
    assert temperature.missing == len(range(0, 400, 7))
    assert origin.values == ("EWR", "JFK", "LGA")
    assert origin.count + origin.missing == 400


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": np.array(["x"])}, 'column "a": found str values, expected numbers'),
        ({"a": np.ones((2, 2))}, r'column "a": found shape \[2, 2\]'),
        ({"b": np.ones(2)}, 'column "a": missing; found b'),
        ({}, "found no columns"),
        ({"a": np.array([])}, "found no rows, expected at least 1"),
        ({"a": np.array([1, 2], "datetime64[s]")}, "found datetime64 values, expected numbers"),
    ],
)
def test_unfit_columns_are_refused(columns: dict[str, Any], message: str) -> None:
    """The refusal names the column, what was found and what was expected."""
    with pytest.raises(ReferenceRefused, match=message):
        Reference.build(columns, Schema((ColumnSpec("a", "numeric"),)))


def test_columns_of_different_length_are_refused() -> None:
    """Rows must be whole."""
    schema = Schema((ColumnSpec("a", "numeric"), ColumnSpec("b", "numeric")))
    with pytest.raises(ReferenceRefused, match="columns differ in length: a 2, b 3"):
        Reference.build({"a": np.ones(2), "b": np.ones(3)}, schema)


@pytest.mark.parametrize("array", [np.ones(3), np.ones((3, 1)), np.full((3, 2), "a")])
def test_unfit_wide_columns_are_refused(array: Any) -> None:
    """A wide column has at least two numbers in each row."""
    with pytest.raises(ReferenceRefused, match=r'column "w": found .* expected numbers'):
        Reference.build({"w": array}, Schema((ColumnSpec("w", "wide"),)))


def test_what_was_answered_is_no_part_of_what_is_strange() -> None:
    """Columns of answers are profiled, but half-spaces look at inputs alone; a model of none has none."""
    columns = {"a": np.arange(50.0), "output.y": np.arange(50) % 2}
    specs = (ColumnSpec("a", "numeric"), ColumnSpec("output.y", "categorical"))
    built = Reference.build(columns, Schema(specs))
    assert built.outliers is not None
    assert built.outliers.names == ("a",)
    assert Reference.build(columns, Schema(specs[1:])).outliers is None
