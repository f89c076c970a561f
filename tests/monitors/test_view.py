"""What monitors share of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitors.record import Batch
from monitors.reference import Reference
from monitors.view import View


def _view(reference: Reference, columns: dict[str, Any]) -> View:
    n = len(next(iter(columns.values())))
    return View(Batch(np.arange(n), np.arange(n), columns), reference)


def test_the_reference_s_own_rows_have_its_counts(reference: Reference, example: Callable[..., Any]) -> None:
    """Every cell of every feature: float32 values, missing values and projections included."""
    columns = example()[0]
    view = _view(reference, columns)
    assert view.counts().tolist() == view.layout.counts.tolist()
    assert view.names == list(columns)


@pytest.mark.parametrize("name", ["temperature", "distance", "origin"])
def test_places_are_those_of_the_profile(reference: Reference, example: Callable[..., Any], name: str) -> None:
    """What is computed for all columns at once is what each profile says."""
    columns = example(seed=5)[0]
    view, profile = _view(reference, columns), reference[name]
    assert view.places(name).tolist() == profile.index(columns[name]).tolist()  # type: ignore[union-attr]
    assert view.places(name).max() < view.width(name)
    ranks = view.ranks(name)
    assert (np.isnan(ranks) == (view.places(name) == view.width(name) - 1)).all()
    assert 0 <= np.nanmin(ranks) <= np.nanmax(ranks) <= 1


@pytest.mark.parametrize("values", [[np.nan, np.inf, -np.inf, 1e308], [None, None, None, 3]])
def test_what_is_no_number_is_missing(reference: Reference, example: Callable[..., Any], values: list[Any]) -> None:
    """NaN, both infinities, and None."""
    columns = {name: column[:4] for name, column in example()[0].items()}
    view = _view(reference, columns | {"temperature": np.array(values, object)})
    assert (view.places("temperature") == view.width("temperature") - 1).tolist() == [True, True, True, False]
    assert view.missing()[0].tolist() == [True, True, True, False]


@pytest.mark.parametrize("gone", ["temperature", "image", "origin"])
def test_a_column_that_was_not_recorded_is_missing(
    reference: Reference, example: Callable[..., Any], gone: str
) -> None:
    """In every row; the other columns are where they were."""
    columns = example()[0]
    view = _view(reference, {name: values for name, values in columns.items() if name != gone})
    assert gone not in view.names
    whole = _view(reference, columns)
    for row, quantity in enumerate(view.layout.quantities):
        if quantity.column == gone:
            assert (view.table()[row] == quantity.width - 1).all()
        else:
            assert (view.table()[row] == whole.table()[row]).all()
    assert (view.plane() is None) == (gone == "temperature")


def test_no_rows_have_no_counts(reference: Reference, example: Callable[..., Any]) -> None:
    """And no error."""
    view = _view(reference, {name: column[:0] for name, column in example()[0].items()})
    assert view.counts().sum() == 0
    assert view.ranks("temperature").shape == (0,)


def test_an_absurd_number_has_a_finite_error(reference: Reference, example: Callable[..., Any]) -> None:
    """It is too large to be squared; the row is still the strangest of all."""
    columns = {name: column[:9] for name, column in example()[0].items()}
    distance = columns["distance"].astype(float)
    distance[4] = 1e300
    plane = _view(reference, columns | {"distance": distance}).plane()
    assert plane is not None
    assert np.isfinite(plane[0]).all()
    assert np.isfinite(plane[1]).all()
    assert plane[1].argmax() == 4
