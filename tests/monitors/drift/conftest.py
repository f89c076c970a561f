"""What the tests of drift share: rows of every kind, and a reference of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from monitors.measurement import Measurement
from monitors.record import Batch
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema

Rows = Callable[..., Batch]

SCHEMA = Schema(
    (
        ColumnSpec("origin", "categorical", ("EWR", "JFK", "LGA")),
        ColumnSpec("age", "numeric"),
        ColumnSpec("height", "numeric"),
        ColumnSpec("weight", "numeric"),
        ColumnSpec("image", "wide"),
        ColumnSpec("output.late", "categorical", (0, 1)),
    ),
    "binary",
)


def _rows(n: int, seed: int = 1, shift: float = 0.0, **columns: Any) -> Batch:
    """Weight and height go together; the score follows age. `shift` moves age, in σ; `columns` replace some."""
    random = np.random.default_rng(seed)
    height = random.normal(170, 10, n)
    age = random.normal(40 + 10 * shift, 10, n)
    hidden = random.normal(size=(n, 3))
    data = {
        "origin": random.choice(np.array(["EWR", "JFK", "LGA"], object), n, p=[0.5, 0.3, 0.2]),
        "age": age,
        "height": height,
        "weight": height - 100 + random.normal(0, 3, n),
        "image": hidden @ np.random.default_rng(9).normal(size=(3, 12)) + random.normal(size=(n, 12)) / 4,
    } | columns
    scores = 1 / (1 + np.exp(-(age - 40) / 10 - random.normal(size=n) / 2))
    time = np.arange(n, dtype=np.int64) * 1_000_000_000
    return Batch(time, np.arange(n).astype(str).astype(object), data, scores, (scores > 0.5).astype(int))


@pytest.fixture(scope="session")
def rows() -> Rows:
    """Makes n rows; `seed` chooses them, `shift` moves age by so many σ, named columns replace others."""
    return _rows


@pytest.fixture(scope="session")
def trained() -> Reference:
    """The reference of 10,000 such rows."""
    batch = _rows(10_000, seed=0)
    assert batch.scores is not None
    assert batch.predictions is not None
    columns = {**batch.columns, "output.late": batch.predictions}
    return Reference.build(columns, SCHEMA, batch.scores, batch.predictions.astype(float))


@pytest.fixture(scope="session")
def by_key() -> Callable[[Sequence[Measurement]], dict[tuple[str, str], Measurement]]:
    """Measurements by subject and statistic; each stands once."""

    def index(found: Sequence[Measurement]) -> dict[tuple[str, str], Measurement]:
        table = {(one.subject, one.statistic): one for one in found}
        assert len(table) == len(found)
        return table

    return index
