"""Runs a version before it is ready: the first runs are slow, and their cost decides how it is served."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from gateway.errors import GatewayError
from gateway.query import Query, Rows
from gateway.session import Session
from gateway.signature import Signature
from gateway.tensor import DATATYPES

INLINE_NS = 200_000
"""A run that takes at most this long runs on the event loop: handing it to a thread and back costs nearly as much."""

_ROWS = 64
_PATIENCE_NS = 500_000_000


class Measured(NamedTuple):
    """What warm-up found: the cost of one row (ns), up to how many rows to run inline, and whether requests may be merged."""

    row_ns: int
    inline_rows: int
    mergeable: bool


def warm_up(session: Session, samples: Sequence[Query]) -> Measured:
    """Runs the model on one row and, if that is cheap, on 64; `samples` are requests it is known to answer, else zeros."""
    rows = _first(session, samples)
    try:
        single = _fastest(session, rows, 7)
        if not session.signature.batched:
            return Measured(single, 1 if single <= INLINE_NS else 0, False)
        inline_rows = _inline_rows(single, _fastest(session, _tiled(rows, _ROWS), 3)) if single <= INLINE_NS else 0
        mergeable = _row_wise(session, rows, _other(session, rows, samples))
    except GatewayError:
        return Measured(0, 0, False)  # zeros did not suit it: serve it the careful way
    return Measured(single, inline_rows, mergeable)


def zeros(signature: Signature) -> Rows:
    """One row of zeros, empty strings and False; dimensions of any size are 1."""
    return {
        spec.name: np.full(
            [1 if size < 0 else size for size in spec.shape],
            "" if spec.datatype == "BYTES" else 0,
            DATATYPES[spec.datatype].dtype,
        )
        for spec in signature.inputs.values()
    }


def _first(session: Session, samples: Sequence[Query]) -> Rows:
    if not samples:
        return zeros(session.signature)
    rows, _ = session.signature.fit(samples[0])
    return {name: array[:1] for name, array in rows.items()} if session.signature.batched else rows


def _inline_rows(single: int, many: int) -> int:
    """How many rows a run may have to stay below INLINE_NS, given the cost (ns) of one and of 64."""
    slope = max((many - single) / (_ROWS - 1), 1.0)
    return 1 + int((INLINE_NS - single) / slope)


def _tiled(rows: Rows, times: int) -> Rows:
    return {name: np.concatenate([array] * times) for name, array in rows.items()}


def _fastest(session: Session, rows: Rows, runs: int) -> int:
    """The cost (ns) of the fastest of so many runs; of fewer where they take half a second together."""
    best, end = 2**62, time.perf_counter_ns() + _PATIENCE_NS
    for _ in range(runs):
        began = time.perf_counter_ns()
        session.run(rows)
        now = time.perf_counter_ns()
        best = min(best, now - began)
        if now > end:
            break
    return best


def _other(session: Session, rows: Rows, samples: Sequence[Query]) -> Rows:
    """A row unlike `rows` that the model answers too: from the samples, or of zeros or ones; without any, `rows` again."""
    for other in _candidates(session, rows, samples):
        if all(other[name].shape == array.shape for name, array in rows.items()) and not _equal(rows, other):
            try:
                session.run(other)
            except GatewayError:
                continue
            return other
    return rows


def _candidates(session: Session, rows: Rows, samples: Sequence[Query]) -> Iterator[Rows]:
    for sample in samples:
        held, count = session.signature.fit(sample)
        for at in range(count):
            yield {name: array[at : at + 1] for name, array in held.items()}
    for number, text in ((0, ""), (1, "1")):
        yield {name: np.full_like(array, text if array.dtype.kind == "O" else number) for name, array in rows.items()}


def _equal(rows: Rows, other: Rows) -> bool:
    return all(np.array_equal(array, other[name]) for name, array in rows.items())


def _row_wise(session: Session, rows: Rows, other: Rows) -> bool:
    """Whether two rows are answered together as each is alone; if not, merging requests would mix them."""
    both = session.run({name: np.concatenate([array, other[name]]) for name, array in rows.items()})
    for at, alone in enumerate((session.run(rows), session.run(other))):
        for name, one in alone.items():
            two = both[name]
            if one.shape[:1] != (1,) or two.shape != (2, *one.shape[1:]):
                return False
            if one.dtype.kind == "f":
                same = np.allclose(two[at], one[0], rtol=1e-4, atol=1e-5, equal_nan=True)
            else:
                same = np.array_equal(two[at], one[0])
            if not same:
                return False
    return True
