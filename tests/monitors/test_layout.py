"""The cells of all features, one after another."""

from __future__ import annotations

import numpy as np
import pytest

from monitors.layout import Layout, middles
from monitors.numeric import Numeric
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema


def test_numbers_come_first_then_projections_then_categories(reference: Reference) -> None:
    """Each kind in the schema's order, so that numbers are one block of cells."""
    layout = Layout.of(reference)
    names = [quantity.name for quantity in layout.quantities]
    assert names[:3] == ["temperature", "distance", "image/0"]
    assert names[-2:] == ["image/error", "origin"]
    assert layout.numeric == len(names) - 1
    assert layout.columns == ("temperature", "distance")
    assert layout.wide == (("image", len(names) - 3),)
    assert layout.rows == {"temperature": 0, "distance": 1, "origin": len(names) - 1}


def test_cells_hold_the_counts_of_the_reference(reference: Reference) -> None:
    """Missing values are the last cell of each, other values the one before it."""
    layout = Layout.of(reference)
    temperature, origin = reference["temperature"], reference["origin"]
    cells = {
        quantity.name: layout.counts[start:end].tolist()
        for quantity, start, end in zip(layout.quantities, layout.offsets[:-1], layout.offsets[1:], strict=True)
    }
    assert cells["temperature"] == [*temperature.counts.tolist(), temperature.missing]  # type: ignore[union-attr]
    assert cells["origin"] == [*origin.counts.tolist(), 0, 0]  # type: ignore[union-attr]
    assert sum(map(len, cells.values())) == layout.size == len(layout.middles)


def test_a_layout_is_made_once(reference: Reference) -> None:
    """A batch must not pay for it."""
    assert Layout.of(reference) is Layout.of(reference)


@pytest.mark.parametrize("values", [np.arange(1000.0), np.repeat([0.0, 1.0, 2.0], [900, 50, 50])])
def test_ranks_of_the_reference_have_the_mean_one_half(values: np.ndarray) -> None:
    """With ties or without."""
    profile = Numeric.build(values)
    ranks = middles(profile)[profile.index(values)]
    assert ranks.mean() == pytest.approx(0.5)
    assert np.isnan(middles(profile)[-1])


def test_the_predicted_class_is_no_feature() -> None:
    """It is in the reference as `output.<name>`, and judged with the predictions."""
    schema = Schema((ColumnSpec("x", "numeric"), ColumnSpec("output.y", "categorical")))
    reference = Reference.build({"x": np.arange(9.0), "output.y": np.arange(9) % 2}, schema)
    assert [quantity.name for quantity in Layout.of(reference).quantities] == ["x"]
