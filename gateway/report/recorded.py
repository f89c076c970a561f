"""Recorded answers of one version in one role, in order of time, however the store has cut them into files."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gateway.record import Answers, Layout, Role
from gateway.report.period import Period
from gateway.store.columns import LABEL, LABEL_TIME
from gateway.store.part import Part, epoch_us
from gateway.store.rows import answers_of
from gateway.store.snapshot import Snapshot

CHUNK = 8192
"""Rows that are handed on together, at the least, but for the last ones: what follows costs less for each of many."""

Seen = Callable[[int], None]


class Taken(NamedTuple):
    """Rows in order of time. labels: None where there is none. label_time: ns since the epoch; 0 without a label."""

    answers: Answers
    labels: list[Any]
    label_time: NDArray[np.int64]


class _Piece(NamedTuple):
    """Rows of one file, in order of time. times: µs since the epoch."""

    layout: Layout
    role: Role
    times: NDArray[np.int64]
    table: pa.Table

    def cut(self, chosen: NDArray[Any]) -> _Piece:
        return self._replace(times=self.times[chosen], table=self.table.take(pa.array(chosen)))


def stream(found: Snapshot, parts: Sequence[Part], period: Period, seen: Seen) -> Iterator[Taken]:
    """The rows of `parts`, all of one version and role, that lie in the period.

    In memory are only the row groups that overlap in time. seen: called with the number of rows that were read.
    """
    waiting: list[_Piece] = []
    for piece in _in_order(found, parts, seen):
        inside = np.flatnonzero(period.holds(piece.times * 1000))
        if len(inside):
            waiting.append(piece if len(inside) == len(piece.times) else piece.cut(inside))
        if sum(len(each.times) for each in waiting) >= CHUNK:
            yield from _taken(waiting)
            waiting = []
    yield from _taken(waiting)


def _in_order(found: Snapshot, parts: Sequence[Part], seen: Seen) -> Iterator[_Piece]:
    """Pieces such that each begins after all before it: a merge of files whose own rows are in order."""
    readers: list[tuple[int, int, Part, Iterator[pa.Table] | None]]
    readers = [(part.begin, part.number, part, None) for part in parts]
    heapq.heapify(readers)
    held: list[_Piece] = []
    while readers:
        _, number, part, tables = heapq.heappop(readers)
        tables = found.read(part) if tables is None else tables
        table = next(tables, None)
        if table is not None:
            seen(len(table))
            piece = _piece(part, table)
            held.append(piece)
            heapq.heappush(readers, (int(piece.times[-1]), number, part, tables))
        held, due = _due(held, readers[0][0] if readers else None)
        yield from due


def _piece(part: Part, table: pa.Table) -> _Piece:
    assert part.key.layout is not None
    assert part.key.role is not None
    times = epoch_us(table.column("time"))
    piece = _Piece(part.key.layout, part.key.role, times, table)
    return piece if (times[1:] >= times[:-1]).all() else piece.cut(np.argsort(times, kind="stable"))


def _due(held: list[_Piece], frontier: int | None) -> tuple[list[_Piece], list[_Piece]]:
    """What must wait, and what may go: all rows before the frontier, in order of time. frontier: µs; None: nothing follows."""
    if frontier is None:
        return [], _merged(held)
    ends = [int(np.searchsorted(piece.times, frontier)) for piece in held]
    due = [piece.cut(np.arange(end)) for piece, end in zip(held, ends, strict=True) if end]
    left = [
        piece.cut(np.arange(end, len(piece.times)))
        for piece, end in zip(held, ends, strict=True)
        if end < len(piece.times)
    ]
    return left, _merged(due)


def _merged(pieces: Sequence[_Piece]) -> list[_Piece]:
    """The same rows in order of time; neighbours of one layout are together."""
    if len(pieces) <= 1:
        return list(pieces)
    times = np.concatenate([piece.times for piece in pieces])
    layouts = list(dict.fromkeys(piece.layout for piece in pieces))
    kind = np.concatenate([np.full(len(piece.times), layouts.index(piece.layout)) for piece in pieces])
    tables = [_joined([piece.table for piece in pieces if piece.layout == layout]) for layout in layouts]
    inside = np.empty(len(times), np.int64)
    for place in range(len(layouts)):
        inside[kind == place] = np.arange(np.count_nonzero(kind == place))
    order = np.argsort(times, kind="stable")
    found = []
    for run in np.split(order, np.flatnonzero(np.diff(kind[order])) + 1):
        place = int(kind[run[0]])
        found.append(_Piece(layouts[place], pieces[0].role, times[run], tables[place].take(pa.array(inside[run]))))
    return found


def _taken(pieces: Sequence[_Piece]) -> Iterator[Taken]:
    start = 0
    for end in range(1, len(pieces) + 1):
        if end < len(pieces) and pieces[end].layout == pieces[start].layout:
            continue
        table = _joined([piece.table for piece in pieces[start:end]]).combine_chunks()
        first = pieces[start]
        yield Taken(answers_of(table, first.layout, first.role), table.column(LABEL).to_pylist(), _label_time(table))
        start = end


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    # Parts of an earlier driftgate may lack a column.
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="permissive")


def _label_time(table: pa.Table) -> NDArray[np.int64]:
    known: NDArray[np.int64] = table.column(LABEL_TIME).cast(pa.int64()).fill_null(0).to_numpy()
    return known * 1000
