"""Values as pseudo-random 64-bit numbers, the same in every process."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

LONGEST = 80
"""Characters of a value that are kept, so that whoever sends long ones cannot fill the memory."""

_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_HALF = np.uint64(32)


def mixed(bits: Hashes) -> Hashes:
    """Spreads numbers over all 64 bits, one to one: those that differ stay different.

    Stafford's variant of the finaliser of MurmurHash3, shortened; numbers that differ in few bits, as floats of small
    integers do, come out unlike each other.
    """
    found: Hashes = bits * _FIRST
    found ^= found >> _HALF
    found *= _SECOND
    found ^= found >> _HALF
    return found


def of_numbers(values: NDArray[np.float64]) -> Hashes:
    """Of each number, any shape; 0.0 and -0.0 are one."""
    return mixed((values + 0.0).view(np.uint64))


def of_texts(values: Iterable[Any]) -> Hashes:
    """Of each value as text, uint64 [n]. 32 bits differ at most: two in 10,000 texts are the same by chance in 1 of 86 cases.

    Python's own hash of a text changes from process to process, so counts of it would not add up.
    """
    return mixed(np.array([zlib.crc32(str(value).encode("utf-8", "surrogatepass")) for value in values], np.uint64))


def of_rows(table: NDArray[Any]) -> Hashes:
    """Of each row of numbers [n, width], uint64 [n]; compared as float32. Dietzfelbinger's multilinear hashing."""
    with np.errstate(over="ignore", invalid="ignore"):  # too large is as good as infinite here
        numbers = np.ascontiguousarray(table, np.float32) + np.float32(0)
    return mixed((numbers.view(np.uint32) * _factors(table.shape[1])).sum(1, dtype=np.uint64))


def together(parts: Hashes) -> Hashes:
    """Of each row, one hash of what its columns hold, uint64 [n], from hashes or small integers, uint64 [columns, n]."""
    return mixed((parts * _factors(len(parts))[:, None]).sum(0, dtype=np.uint64))


def _factors(width: int) -> Hashes:
    """An odd one for each column, so that the order of columns counts."""
    return mixed(np.arange(1, width + 1, dtype=np.uint64)) | np.uint64(1)
