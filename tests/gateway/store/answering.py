"""Answers as the observer would decode them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gateway.record import Answers, Field, Layout, Refusals, Role
from gateway.store.expected import Event

HOUR = 3_600_000_000_000
START = 490_000 * HOUR
"""An hour of November 2025, ns since the epoch."""


def layout(version: int = 1, **changes: Any) -> Layout:
    """A binary model with a number, a whole number, a string and a wide input."""
    values: dict[str, Any] = {
        "model": "flights",
        "version": version,
        "stamp": f"stamp-{version}",
        "batched": True,
        "inputs": (
            Field("distance", "FP32", (-1, 1)),
            Field("hour", "INT64", (-1, 1)),
            Field("carrier", "BYTES", (-1, 1)),
            Field("weather", "FP32", (-1, 3)),
        ),
        "outputs": (Field("score", "FP32", (-1, 1)), Field("late", "INT64", (-1,))),
        "task": "binary",
        "score": "score",
        "prediction": "late",
        "classes": (0, 1),
        "groups": ("carrier", "region"),
    }
    return Layout(**{**values, **changes})


def answers(
    ids: Sequence[str], version: int = 1, role: Role = "primary", time: int = START, rows: Sequence[int] | None = None
) -> Answers:
    """One row for each id, a millisecond apart; the values follow from the id's place."""
    count = len(ids)
    place = np.arange(count)
    return Answers(
        layout=layout(version),
        role=role,
        request_id=list(ids),
        row=np.zeros(count, np.int32) if rows is None else np.array(rows, np.int32),
        time=(time + place * 1_000_000).astype(np.int64),
        trace_id=["" if one % 2 else f"{one:032x}" for one in range(count)],
        route=["stable"] * count,
        revision=np.full(count, 3, np.int64),
        cohort=[""] * count,
        queue_us=place.astype(np.int64),
        compute_us=place.astype(np.int64) + 10,
        total_us=place.astype(np.int64) + 20,
        inputs={
            "distance": (place + 0.5).astype(np.float32).reshape(-1, 1),
            "hour": (place % 24).astype(np.int64).reshape(-1, 1),
            "carrier": np.array(["UA" if one % 3 else None for one in range(count)], object).reshape(-1, 1),
            "weather": np.stack([place, place + 1, place + 2], axis=1).astype(np.float32),
        },
        outputs={"score": (place / max(1, count)).astype(np.float32).reshape(-1, 1), "late": place % 2},
        groups={"region": np.array(["north"] * count, object)},
        absent={},
    )


def refusals(ids: Sequence[str], model: str = "flights") -> Refusals:
    """As many refusals."""
    count = len(ids)
    return Refusals(
        request_id=list(ids),
        time=[START] * count,
        model=[model] * count,
        version=[0] * count,
        role=["primary"] * count,
        route=[""] * count,
        status=[429] * count,
        code=["over_quota"] * count,
        total_us=[12] * count,
        trace_id=[""] * count,
    )


def event(name: str, label: object, row: int = 0, seq: int = 0, received: int = START) -> Event:
    """A label for a row of a request."""
    return Event(seq, "flights", name, row, label, START + HOUR, received)
