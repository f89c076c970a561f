"""What the tests of data quality share: a reference with columns of every kind, and batches like it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitors.record import Batch
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema

ORIGINS = np.array(["EWR", "JFK", "LGA"], object)


def _columns(rows: int, seed: int) -> dict[str, Any]:
    """`gusts` is missing in a fifth of the rows; `engine` never varied."""
    random = np.random.default_rng(seed)
    gusts = random.normal(20, 5, rows)
    gusts[random.random(rows) < 0.2] = np.nan
    return {
        "temperature": random.normal(10, 5, rows).astype(np.float32),
        "gusts": gusts,
        "seats": random.integers(1, 5, rows),
        "engine": np.ones(rows),
        "origin": random.choice(ORIGINS, rows),
        "image": random.normal(size=(rows, 6)).astype(np.float32),
    }


@pytest.fixture(scope="session")
def airport() -> Reference:
    """20,000 rows; `AVL` is declared as an origin and was never one."""
    kinds = dict.fromkeys(("temperature", "gusts", "seats", "engine"), "numeric") | {"image": "wide"}
    specs = [ColumnSpec(name, kind) for name, kind in kinds.items()]  # type: ignore[arg-type]
    origin = ColumnSpec("origin", "categorical", ("AVL", *ORIGINS))
    return Reference.build(_columns(20_000, 0), Schema((*specs, origin), "binary"))


@pytest.fixture(scope="session")
def flights() -> Callable[..., Batch]:
    """Makes batches from the distribution of the reference, with columns put in place of others."""

    def make(rows: int = 1000, seed: int = 1, **columns: Any) -> Batch:
        ids = np.array([f"{seed}-{row}" for row in range(rows)], object)
        return Batch(np.arange(rows) * 10**6, ids, {**_columns(rows, seed), **columns})

    return make
