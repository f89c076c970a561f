"""Rows that must go, at once and for good: their parts are written again without them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gateway.store.columns import columns
from gateway.store.index import checksums
from gateway.store.part import Part
from gateway.store.shelf import Shelf

Requests = dict[str, set[int] | None]
"""Rows of requests by id; None: all of them."""


def holding(shelf: Shelf, model: str, column: str, value: str) -> Requests:
    """The rows of a model whose `column`, as text, is `value`, in any version or role that has such a column."""
    found: dict[str, set[int]] = {}
    for part in shelf.of(model):
        if not _has(part, column):
            continue
        for table in shelf.read(part, ["request_id", "row", column]):
            chosen = table.filter(pc.equal(table.column(column).cast(pa.string()), value))
            for name, row in zip(
                chosen.column("request_id").to_pylist(), chosen.column("row").to_pylist(), strict=True
            ):
                found.setdefault(name, set()).add(row)
    return dict(found)


def remove(shelf: Shelf, model: str, requests: Mapping[str, set[int] | None], column: str | None) -> int:
    """Rewrites every part that has one of these rows; refusals of whole requests too. How many rows were removed.

    Parts without `column` come first: whoever repeats what a crash interrupted finds them by the others.
    """
    ids = sorted(requests)
    found = [part for part, _, _ in shelf.find(model, ids, checksums(ids))]
    gone = 0
    for part in sorted(found, key=lambda part: column is not None and _has(part, column)):
        gone += _rewrite(shelf, part, lambda table: _chosen(table, requests))
    whole = {name: None for name, rows in requests.items() if rows is None}
    for part in [part for part in shelf.parts.values() if whole and part.key.kind == "refusals"]:
        gone += _rewrite(shelf, part, lambda table: _refused(table, model, whole))
    return gone


def _has(part: Part, column: str) -> bool:
    if part.key.layout is None:
        return False
    schema = columns(part.key.layout).schema
    return column in schema.names and not pa.types.is_nested(schema.field(column).type)


def _rewrite(shelf: Shelf, part: Part, goes: Callable[[pa.Table], NDArray[np.bool_]]) -> int:
    if not any(goes(table).any() for table in shelf.read(part, ["request_id", "row", "model"])):
        return 0
    kept = shelf.stage(part.key, (table.filter(pa.array(~goes(table))) for table in shelf.read(part)), replaces=part)
    shelf.replace([part], kept)
    return part.rows - (kept.rows if kept else 0)


def _chosen(table: pa.Table, requests: Mapping[str, set[int] | None]) -> NDArray[np.bool_]:
    names = table.column("request_id")
    chosen: NDArray[np.bool_] = np.array(pc.is_in(names, pa.array(requests, pa.string())).to_numpy())
    for place in np.flatnonzero(chosen).tolist():
        rows = requests[names[place].as_py()]
        chosen[place] = rows is None or table.column("row")[place].as_py() in rows
    return chosen


def _refused(table: pa.Table, model: str, requests: Mapping[str, None]) -> NDArray[np.bool_]:
    named = pc.is_in(table.column("request_id"), pa.array(requests, pa.string()))
    found: NDArray[np.bool_] = pc.and_(named, pc.equal(table.column("model"), model)).to_numpy()
    return found
