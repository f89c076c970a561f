"""Frames and journals for these tests."""

from __future__ import annotations

import numpy as np

from gateway.journal.frame import Answered, Refused
from gateway.record import Field, Layout

LAYOUT = Layout(
    "scale",
    1,
    "stamp",
    True,
    (Field("x", "FP32", (-1, 2)), Field("city", "BYTES", (-1, 1))),
    (Field("y", "FP32", (-1, 1)),),
    groups=("city", "sex"),
)


def answered(at: int = 1_000, name: str = "a", rows: int = 1, layout: int = 0, shadow: bool = False) -> Answered:
    """An answer of LAYOUT that took 500 ns; x counts from 0, y is 7."""
    x = np.arange(2 * rows, dtype=np.float32)
    cities = [f"city {row}" for row in range(rows)]
    y = np.full(rows, 7, np.float32)
    return Answered(
        at,
        name,
        None,
        layout,
        shadow,
        "stable",
        3,
        None,
        rows,
        1_000,
        2_000,
        500,
        [x.tobytes(), cities],
        [y.tobytes()],
        ["f"],
    )


def refused(at: int = 1_000, name: str = "r") -> Refused:
    """A request that was too much."""
    return Refused(at, name, None, "scale", 0, False, "", 503, "overloaded", 500)
