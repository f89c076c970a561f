"""Rows that the next commit will write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gateway.record import Answers, Layout, Refusals, Role
from gateway.store.columns import TIME, Label, label_type
from gateway.store.index import Hashes, Rows, checksums, search
from gateway.store.part import Key, hours
from gateway.store.rows import complete, refusal_table, table_of, timestamps


@dataclass(eq=False, slots=True)
class Batch:
    """Rows of one layout and role; labels with their times, ns, by row."""

    layout: Layout
    role: Role
    table: pa.Table
    hashes: Hashes
    labels: dict[int, tuple[Label, int]] = field(default_factory=dict)


class Buffer:
    """Batches of answers, in the order in which they came, and refusals. rows, bytes: how much there is of both."""

    def __init__(self) -> None:
        self._batches: list[Batch] = []
        self._refusals: list[pa.Table] = []
        self._index: tuple[Hashes, Rows, Rows] | None = None
        self.rows = 0
        self.bytes = 0

    def append(self, answers: Answers, left: NDArray[np.bool_] | None = None) -> Batch:
        """Takes rows over. left: which of them, not None of all."""
        table = _left(table_of(answers), left)
        batch = Batch(answers.layout, answers.role, table, checksums(table.column("request_id")))
        self._batches.append(batch)
        self._index = None
        self._add(table)
        return batch

    def refuse(self, refusals: Refusals, left: NDArray[np.bool_]) -> None:
        """Takes refused requests over. left: which of them."""
        table = _left(refusal_table(refusals), left)
        self._refusals.append(table)
        self._add(table)

    def clear(self) -> None:
        """All of it is written."""
        self._batches, self._refusals, self._index = [], [], None
        self.rows = self.bytes = 0

    def find(self, model: str, ids: Sequence[str], hashes: Hashes) -> Iterator[tuple[Batch, Rows, Rows]]:
        """The batches of a model with rows of these ids: each with places in `ids`, and rows, int64 [hits]."""
        if not self._batches:
            return
        if self._index is None:
            known = np.concatenate([batch.hashes for batch in self._batches])
            order = np.argsort(known)
            sizes = np.array([len(batch.hashes) for batch in self._batches])
            self._index = (known[order], order, np.cumsum(sizes) - sizes)
        known, order, starts = self._index
        which, places = search(known, order, hashes)
        numbers = np.searchsorted(starts, places, side="right") - 1
        for number in np.unique(numbers).tolist():
            batch, chosen = self._batches[number], np.flatnonzero(numbers == number)
            if batch.layout.model != model:
                continue
            chosen = chosen[np.argsort(places[chosen])]
            rows, wanted = places[chosen] - starts[number], which[chosen]
            names = batch.table.column("request_id").take(pa.array(rows)).to_pylist()
            same = np.array([ids[one] == name for one, name in zip(wanted.tolist(), names, strict=True)], np.bool_)
            if same.any():
                yield batch, wanted[same], rows[same]

    def tables(self) -> Iterator[tuple[Key, pa.Table]]:
        """All rows, as the parts that they will be: those of one layout, role and hour together, in order of time."""
        together: dict[tuple[Layout, Role], list[Batch]] = {}
        for batch in self._batches:
            together.setdefault((batch.layout, batch.role), []).append(batch)
        for (layout, role), batches in together.items():
            table = pa.concat_tables([batch.table for batch in batches]).combine_chunks()
            for hour, rows in hours(complete(table, layout, role, *_labels(batches, layout))):
                yield Key("answers", layout, role, hour), rows
        if self._refusals:
            for hour, rows in hours(pa.concat_tables(self._refusals).combine_chunks()):
                yield Key("refusals", None, None, hour), rows

    def _add(self, table: pa.Table) -> None:
        self.rows += len(table)
        self.bytes += table.nbytes


def _left(table: pa.Table, left: NDArray[np.bool_] | None) -> pa.Table:
    return table if left is None or left.all() else table.filter(pa.array(left))


def _labels(batches: Sequence[Batch], layout: Layout) -> tuple[pa.Array, pa.Array]:
    kind = label_type(layout)
    values: list[pa.Array] = []
    times: list[pa.Array] = []
    for batch in batches:
        if batch.labels:
            found = [batch.labels.get(row, (None, None)) for row in range(len(batch.table))]
            values.append(pa.array([label for label, _ in found], kind))
            times.append(timestamps([time for _, time in found]))
        else:
            values.append(pa.nulls(len(batch.table), kind))
            times.append(pa.nulls(len(batch.table), TIME))
    return pa.concat_arrays(values), pa.concat_arrays(times)
