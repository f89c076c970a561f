"""Principal components: what they find, and that they take any numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from monitors.errors import ReferenceRefused
from monitors.projection import COMPONENTS, Projection
from monitors.reference import Reference, numeric_matrix

FINITE = st.floats(-1e6, 1e6, width=32)
ANY = st.one_of(FINITE, st.just(np.nan), st.just(np.inf), st.just(-np.inf))


def test_projection_finds_the_plane_of_the_data() -> None:
    """Data on a line is rebuilt from one component; a point off the line has a large error."""
    line = np.linspace(-1, 1, 200)[:, None] * np.array([[1.0, 2.0, -3.0]]) + 5
    fitted = Projection.build(line, share=0.8)
    assert fitted.components.shape == (1, 3)
    assert fitted.explained[0] == pytest.approx(1)
    assert fitted.error.high < 1e-9
    off = fitted.project(np.array([[5.0, 5.0, 8.0]]))[1]
    assert off[0] > 0.5


@given(arrays.arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(2, 12)), elements=ANY))
def test_projection_takes_any_numbers(rows: Any) -> None:
    """Missing, constant and few rows give orthonormal components and finite errors."""
    fitted = Projection.build(rows)
    k = len(fitted.components)
    assert 1 <= k <= min(COMPONENTS, rows.shape[1] - 1)
    assert np.allclose(fitted.components @ fitted.components.T, np.eye(k), atol=1e-6)
    coordinates, errors = fitted.project(rows)
    assert coordinates.shape == (len(rows), k)
    assert np.isfinite(errors).all()


def test_numbers_without_a_square_leave_a_projection() -> None:
    """A sentinel of the largest float in a few rows makes no component NaN."""
    rows = np.random.default_rng(0).normal(size=(500, 3))
    rows[:3, 1] = np.finfo(np.float64).max
    fitted = Projection.build(rows)
    parts = (fitted.mean, fitted.scale, fitted.components, fitted.explained)
    assert all(np.isfinite(part).all() for part in parts)
    assert fitted.error.count == 500
    assert np.isfinite(fitted.project(rows[3:])[1]).all()


def test_plane_and_windows_agree(reference: Reference, example: Any) -> None:
    """Projecting the reference's own rows gives the profile of the error that it kept."""
    columns, schema, _, _ = example()
    matrix = numeric_matrix(columns, schema)
    assert reference.plane is not None
    assert matrix is not None
    _, errors = reference.plane.project(matrix)
    assert reference.plane.error.mean == pytest.approx(errors.mean())
    with pytest.raises(ReferenceRefused, match=r"expected \[n, 2\]"):
        reference.plane.project(np.ones((3, 5)))
