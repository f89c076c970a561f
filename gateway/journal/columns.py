"""Frames as columns: what the store and the monitors take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.journal.frame import Answered, Refused
from gateway.record import Answers, Field, Layout, Refusals
from gateway.tensor import DATATYPES, Array
from monitors.record import OUTPUT

Frames = Sequence[Answered]
Parts = tuple[Any, ...]
_US = 1000


def answers(frames: Iterable[tuple[Layout, Answered]]) -> list[Answers]:
    """The answers of each layout and role, in the order in which they stand."""
    groups: dict[tuple[int, bool], tuple[Layout, list[Answered]]] = {}
    for layout, frame in frames:
        key = id(layout), frame.shadow
        held = groups.get(key)
        if held is None:
            held = groups[key] = (layout, [])
        held[1].append(frame)
    return [_columns(layout, members, shadow) for (_, shadow), (layout, members) in groups.items()]


def refusals(frames: Sequence[Refused]) -> Refusals:
    """The refusals as lists."""
    return Refusals(
        [frame.id for frame in frames],
        [frame.at for frame in frames],
        [frame.model for frame in frames],
        [frame.version for frame in frames],
        ["shadow" if frame.shadow else "primary" for frame in frames],
        [frame.route for frame in frames],
        [frame.status for frame in frames],
        [frame.code for frame in frames],
        [frame.total // _US for frame in frames],
        [frame.trace or "" for frame in frames],
    )


def _columns(layout: Layout, frames: Frames, shadow: bool) -> Answers:
    counts = np.array([frame.rows for frame in frames], np.int64)
    repeated = _repeating(counts)
    absent: dict[str, NDArray[np.bool_]] = {}
    starts = np.repeat(counts.cumsum() - counts, counts)
    return Answers(
        layout,
        "shadow" if shadow else "primary",
        _texts([frame.id for frame in frames], repeated),
        (np.arange(len(starts)) - starts).astype(np.int32),
        np.array([frame.at for frame in frames], np.int64)[repeated],
        _texts([frame.trace or "" for frame in frames], repeated),
        _texts([frame.route for frame in frames], repeated),
        np.array([frame.revision for frame in frames], np.int64)[repeated],
        _texts([frame.cohort or "" for frame in frames], repeated),
        np.array([frame.queue for frame in frames], np.int64)[repeated] // _US,
        np.array([frame.compute for frame in frames], np.int64)[repeated] // _US,
        np.array([frame.total for frame in frames], np.int64)[repeated] // _US,
        _fields(layout, layout.inputs, "", [frame.inputs for frame in frames], counts, absent),
        _fields(layout, layout.outputs, OUTPUT, [frame.outputs for frame in frames], counts, absent),
        {name: _objects([frame.groups[at] for frame in frames])[repeated] for at, name in enumerate(layout.beyond)},
        absent,
    )


def _fields(
    layout: Layout,
    fields: tuple[Field, ...],
    prefix: str,
    held: list[Any],
    counts: NDArray[np.int64],
    absent: dict[str, NDArray[np.bool_]],
) -> dict[str, Array]:
    found = {}
    for field, parts in zip(fields, zip(*held, strict=True), strict=True):
        if prefix:
            parts = _fitting(layout, field, parts, counts)  # noqa: PLW2901
        gaps = not all(parts) and None in parts  # `in` alone, which compares, takes several times as long
        if gaps:
            absent[prefix + field.name] = np.repeat([part is None for part in parts], counts)
        found[field.name] = _column(field, layout.tail(field), parts, counts, gaps)
    return found


def _fitting(layout: Layout, field: Field, parts: Parts, counts: NDArray[np.int64]) -> Parts:
    """The parts; None for those that are not of the request's rows: ONNX Runtime holds no output to what is declared."""
    tail = layout.tail(field)
    if -1 not in tail:
        width = math.prod(tail) * (1 if _listed(field) else DATATYPES[field.datatype].dtype.itemsize)
        expected = (counts * width).tolist()
        found = [size if part is None else len(part) for part, size in zip(parts, expected, strict=True)]
    elif layout.batched:
        expected = counts.tolist()
        found = [
            count if part is None else next(iter(part[0]), -1) for part, count in zip(parts, expected, strict=True)
        ]
    else:
        return parts
    if found == expected:
        return parts
    return tuple(part if has == wanted else None for part, has, wanted in zip(parts, found, expected, strict=True))


def _listed(field: Field) -> bool:
    """Whether its values are a list of str, and not bytes."""
    return field.hashed or field.datatype == "BYTES"


def _repeating(counts: NDArray[np.int64]) -> Any:
    """Picks each request once for each of its rows."""
    return slice(None) if (counts == 1).all() else np.repeat(np.arange(len(counts)), counts)


def _texts(values: list[str], repeated: Any) -> list[str]:
    return values if isinstance(repeated, slice) else [values[at] for at in repeated]


def _column(field: Field, tail: tuple[int, ...], parts: Parts, counts: NDArray[np.int64], gaps: bool) -> Array:
    """One field of many requests, [rows] or [rows, …]; zeros and None for requests that lack it, if there are gaps."""
    if -1 in tail:
        return _ragged(field, parts, counts)
    size = math.prod(tail)
    if _listed(field):
        if gaps:
            parts = tuple([None] * (n * size) if p is None else p for p, n in zip(parts, counts.tolist(), strict=True))
        values: Array = _objects(list(chain.from_iterable(parts)))
    else:
        dtype = DATATYPES[field.datatype].dtype
        if gaps:
            blank = dtype.itemsize * size
            parts = tuple(bytes(n * blank) if p is None else p for p, n in zip(parts, counts.tolist(), strict=True))
        values = np.frombuffer(b"".join(parts), dtype)
    return values.reshape(int(counts.sum()), *tail) if size != 1 else values


def _ragged(field: Field, parts: Parts, counts: NDArray[np.int64]) -> Array:
    """Where rows differ in shape: an object array, each row flattened to a list."""
    rows: list[Any] = []
    for part, count in zip(parts, counts, strict=True):
        if part is None:
            rows.extend([None] * int(count))
            continue
        _, held = part
        flat = held if isinstance(held, list) else np.frombuffer(held, DATATYPES[field.datatype].dtype).tolist()
        each = len(flat) // int(count)
        rows.extend(flat[at * each : (at + 1) * each] for at in range(int(count)))
    array = np.empty(len(rows), object)
    for at, row in enumerate(rows):  # assigned at once, rows of one length would become a table
        array[at] = row
    return array


def _objects(values: list[Any]) -> Array:
    array = np.empty(len(values), object)
    array[:] = values
    return array
