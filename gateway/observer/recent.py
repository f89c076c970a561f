"""Which requests were answered in the last seconds: to tell whether a killed replica's answer was given again by another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

SPAN_NS = 8_000_000_000
"""Longer than a dead writer's last frames wait (reader.PATIENCE_NS), and than a request is tried again."""


class Recent:
    """Ids with the time at which their answer was ready, for SPAN_NS."""

    def __init__(self, exported: bytes | None = None) -> None:
        self._held: deque[tuple[int, list[str]]] = deque(msgspec.msgpack.decode(exported) if exported else ())

    def add(self, ended_ns: int, ids: list[str]) -> None:
        """Answers of one chunk, the last of which was ready at `ended_ns`."""
        self._held.append((ended_ns, ids))
        while self._held[0][0] < ended_ns - SPAN_NS:
            self._held.popleft()

    def again(self, asked: Iterable[tuple[str, int]]) -> set[str]:
        """Those of the ids that were answered after the time that stands with them, ns since the epoch."""
        since = dict(asked)
        earliest = min(since.values(), default=0)
        found: set[str] = set()
        for ended_ns, ids in self._held:
            if ended_ns >= earliest:
                found.update(name for name in ids if ended_ns >= since.get(name, ended_ns + 1))
        return found

    def export(self) -> bytes:
        """For the next process."""
        return msgspec.msgpack.encode(list(self._held))
