"""Which requests were answered after a replica's death: to tell whether its last answers were given again by another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

SPAN_NS = 8_000_000_000
"""Longer than a dead writer's last frames wait (reader.PATIENCE_NS), and than a request is tried again."""


class _Chunk(NamedTuple):
    """Requests that were answered between two times, ns since the epoch."""

    began: int
    ended: int
    ids: list[str]


class Recent:
    """Ids of what has just been read, and of the seconds after each death of which some answers are still in doubt."""

    def __init__(self, exported: bytes | None = None) -> None:
        self._held = msgspec.msgpack.decode(exported, type=list[_Chunk]) if exported else []

    def add(self, began_ns: int, ended_ns: int, ids: list[str]) -> None:
        """Answers of one chunk, the first and the last of which were ready then."""
        self._held.append(_Chunk(began_ns, ended_ns, ids))

    def trim(self, doubts_ns: Iterable[int]) -> None:
        """Keeps what was answered within SPAN_NS of a death. doubts_ns: from when on the answers of each dead are in doubt.

        Call it when all journals have been read to one time. Those who died later answered until then, and nobody for them.
        """
        spans = [(since, since + SPAN_NS) for since in doubts_ns]
        self._held = [
            chunk for chunk in self._held if any(chunk.ended >= low and chunk.began <= high for low, high in spans)
        ]

    def again(self, asked: Iterable[tuple[str, int]]) -> set[str]:
        """Those of the ids that were answered after the time that stands with them, ns since the epoch."""
        since = dict(asked)
        earliest = min(since.values(), default=0)
        found: set[str] = set()
        for _, ended_ns, ids in self._held:
            if ended_ns >= earliest:
                found.update(name for name in ids if ended_ns >= since.get(name, ended_ns + 1))
        return found

    def export(self) -> bytes:
        """For the next process."""
        return msgspec.msgpack.encode(self._held)
