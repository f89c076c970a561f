"""Request ids: UUIDs of version 7, which sort by the time they were made."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator


def uuid7() -> str:
    """A new UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then 74 random bits."""
    return format_uuid7(time.time_ns() // 1_000_000, next(_noise))


def _draw() -> Iterator[bytes]:
    """Ten random bytes at a time, from the system's generator, which is asked once for 500 of them."""
    while True:
        pool = os.urandom(5000)
        for at in range(0, 5000, 10):
            yield pool[at : at + 10]


_noise = _draw()


def format_uuid7(milliseconds: int, noise: bytes) -> str:
    """milliseconds: Unix time, 0 <= ms < 2**48. noise: 10 random bytes.

    >>> format_uuid7(0x0198C0FFEE00, bytes(10))
    '0198c0ff-ee00-7000-8000-000000000000'
    """
    time_hex = f"{milliseconds:012x}"
    random_hex = noise.hex()
    variant = "89ab"[noise[1] & 3]  # from bits that are not used elsewhere
    return f"{time_hex[:8]}-{time_hex[8:]}-7{random_hex[:3]}-{variant}{random_hex[5:8]}-{random_hex[8:20]}"
