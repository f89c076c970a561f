"""What the tests of the monitors share: one small example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema

Example = tuple[dict[str, Any], Schema, Any, Any]


def _example(rows: int = 400, seed: int = 0) -> Example:
    """Columns of every kind, with scores and labels of a binary task."""
    random = np.random.default_rng(seed)
    temperature = random.normal(10, 5, rows).astype(np.float32)
    temperature[::7] = np.nan
    columns = {
        "temperature": temperature,
        "distance": random.integers(0, 5, rows),
        "origin": random.choice(np.array(["EWR", "JFK", "LGA"], object), rows),
        "image": random.normal(size=(rows, 12)).astype(np.float32),
    }
    schema = Schema(
        (
            ColumnSpec("temperature", "numeric"),
            ColumnSpec("distance", "numeric"),
            ColumnSpec("origin", "categorical"),
            ColumnSpec("image", "wide"),
        ),
        "binary",
    )
    scores = random.random(rows)
    labels = (random.random(rows) < scores).astype(float)
    labels[::10] = np.nan
    return columns, schema, scores, labels


@pytest.fixture(scope="session")
def example() -> Callable[..., Example]:
    """Makes columns of every kind, their schema, scores and labels; `seed` chooses them."""
    return _example


@pytest.fixture(scope="session")
def reference() -> Reference:
    """The reference of the example."""
    return Reference.build(*_example())
