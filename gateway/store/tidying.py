"""Parts are rewritten where that pays, with labels that came later, several small ones as one; and the oldest removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from gateway.store.part import Part, epoch_us
from gateway.store.shelf import Shelf, by_key

_SECOND = 1_000_000_000
_HOUR = 3_600 * _SECOND
_CLOSED = 300 * _SECOND
_MERGED_ROWS = 131_072
_MERGED_BYTES = 64 << 20
_SHARE = 0.05


def tidy(
    shelf: Shelf, labelled: Mapping[int, tuple[int, int]], now: int, force: bool, settle_s: float, budget: int
) -> int:
    """Rewrites parts, at most about `budget` rows of them, and says how many rows that were.

    labelled: how many labels wait for each part, and since when, ns. A part is due when its first has waited for settle_s
    and they are a twentieth of its rows, or after an hour; the parts of an hour when it has been over for five minutes.
    force: all that have labels are due, and all hours that are over.
    """
    done = 0
    for parts in _due(shelf, labelled, now, force, settle_s):
        if done and not force and done + sum(part.rows for part in parts) > budget:
            continue
        done += _merge(shelf, parts)
    return done


def retire(shelf: Shelf, before: int, most: int) -> int:
    """Removes parts that end before `before`, µs, and the oldest while there are more than `most` bytes. Rows removed."""
    parts = sorted(shelf.parts.values(), key=lambda part: (part.end, part.number))
    total = sum(part.bytes for part in parts)
    gone = []
    for part in parts:
        if part.end >= before and total <= most:
            break
        gone.append(part)
        total -= part.bytes
    if gone:
        shelf.replace(gone, None)
    return sum(part.rows for part in gone)


def _due(
    shelf: Shelf, labelled: Mapping[int, tuple[int, int]], now: int, force: bool, settle_s: float
) -> Iterator[list[Part]]:
    """The parts to be written as one, those that gain most first."""
    late = {
        number
        for number, (count, since) in labelled.items()
        if force
        or now - since >= _HOUR
        or (now - since >= settle_s * _SECOND and count >= _SHARE * shelf.parts[number].rows)
    }
    closed = [
        merged
        for key, parts in by_key(shelf.parts).items()
        if len(parts) > 1 and (now >= (key.hour + 1) * _HOUR + (0 if force else _CLOSED))
        for merged in _small(parts, force)
    ]
    yield from sorted(closed, key=len, reverse=True)
    merged = {part.number for parts in closed for part in parts}
    alone = [shelf.parts[number] for number in late - merged]
    yield from ([part] for part in sorted(alone, key=lambda part: -labelled[part.number][0] / part.rows))


def _small(parts: Sequence[Part], force: bool) -> Iterator[list[Part]]:
    """Neighbours in time that fit into one part together.

    A large one waits until the small ones beside it are a quarter of its rows: so a row is rewritten a few times at most,
    however slowly late rows trickle in.
    """
    group: list[Part] = []
    for part in [*parts, None]:
        fits = (
            part is not None
            and sum(one.rows for one in group) + part.rows <= _MERGED_ROWS
            and sum(one.raw for one in group) + part.raw <= _MERGED_BYTES
        )
        if fits and part is not None:
            group.append(part)
            continue
        sizes = [one.rows for one in group]
        if len(group) > 1 and (force or max(sizes) <= 4 * (sum(sizes) - max(sizes))):
            yield group
        group = [] if part is None else [part]


def _merge(shelf: Shelf, parts: Sequence[Part]) -> int:
    first = parts[0]
    if len(parts) == 1:
        tables: Iterator[pa.Table] = shelf.read(first)
    else:
        every = [table for part in parts for table in shelf.read(part)]
        # Parts of an earlier driftgate may lack a column.
        tables = iter([_ordered(pa.concat_tables(every, promote_options="permissive"))])
    shelf.replace(parts, shelf.stage(first.key, tables, replaces=first))
    return sum(part.rows for part in parts)


def _ordered(table: pa.Table) -> pa.Table:
    return table.take(pa.array(np.argsort(epoch_us(table.column("time")), kind="stable"))).combine_chunks()
