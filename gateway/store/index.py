"""Which rows of a part may have an id: checksums of the ids in order, one small file beside each part."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gateway.store.part import sync

Hashes = NDArray[np.uint32]
Rows = NDArray[np.int64]


def checksums(ids: Sequence[str] | pa.ChunkedArray) -> Hashes:
    """CRC-32 of each id in UTF-8, uint32 [n]."""
    texts = ids if isinstance(ids, pa.ChunkedArray) else pa.array(ids, pa.string())
    return np.fromiter(map(crc32, texts.cast(pa.binary()).to_pylist()), np.uint32, len(ids))


def write(path: Path, ids: pa.ChunkedArray) -> None:
    """Writes the index of a part with these ids, and waits for the disk: npy, uint32 [2, rows], checksums and rows."""
    found = checksums(ids)
    order = np.argsort(found, kind="stable")
    np.save(path, np.stack([found[order], order.astype(np.uint32)]))
    sync(path)


def look_up(path: Path, rows: int, wanted: Hashes) -> tuple[Rows, Rows]:
    """The places in `wanted`, and the rows that have such a checksum: int64 [hits] each.

    The file is mapped for this one look, 15 µs, so that neither files nor memory are held for hundreds of parts. Raises
    OSError, and ValueError for a file that is not the index of so many rows.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        head = os.fstat(file).st_size - 8 * rows
        if head <= 0:
            raise ValueError(f"{path}: too short for {rows} rows")
        mapped = mmap.mmap(file, 0, prot=mmap.PROT_READ)
    finally:
        os.close(file)
    return search(
        np.frombuffer(mapped, np.uint32, rows, head), np.frombuffer(mapped, np.uint32, rows, head + 4 * rows), wanted
    )


def search(known: Hashes, order: NDArray[np.uint32] | Rows, wanted: Hashes) -> tuple[Rows, Rows]:
    """The places in `wanted` and in `order` where `known`, sorted, not empty, has the same checksum.

    >>> known, order = np.array([3, 7, 7], np.uint32), np.array([2, 0, 1])
    >>> [found.tolist() for found in search(known, order, np.array([7, 4], np.uint32))]
    [[0, 0], [0, 1]]
    """
    needles = np.argsort(wanted)  # in their order, each search begins where the cache is warm
    low = np.searchsorted(known, wanted[needles])
    here = known[np.minimum(low, len(known) - 1)] == wanted[needles]
    needles, low = needles[here], low[here]
    count = np.searchsorted(known, wanted[needles], side="right") - low
    which = np.repeat(needles, count)
    place = np.repeat(low - np.cumsum(count) + count, count) + np.arange(len(which))
    return which, order[place].astype(np.int64)
