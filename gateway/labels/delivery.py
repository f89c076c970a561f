"""A whole file of labels to a running gateway: in calls of 1,000, four of them under way at once."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from gateway.errors import BadRequest
from gateway.labels.files import Row
from gateway.labels.label import Domain
from gateway.labels.reading import outgoing
from gateway.labels.sending import Outgoing, post

_CALL = 1000
_LANES = 4


@dataclass
class Tally:
    """What became of the rows of a file. without: rows whose label is not known yet. first: the first line that was wrong."""

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    corrected: int = 0
    refused: int = 0
    without: int = 0
    first: tuple[int, str] | None = None

    def refuse(self, line: int, count: int, sentence: str) -> None:
        """Counts rows that were refused, `line` the first of them."""
        self.refused += count
        self.first = min(self.first or (line, sentence), (line, sentence))

    def report(self) -> dict[str, Any]:
        """Plain values, for a table or for JSON."""
        return {
            "read": self.read,
            "accepted": self.accepted,
            "duplicate": self.duplicate,
            "corrected": self.corrected,
            "refused": self.refused,
            "without_label": self.without,
            "first_problem": self.first and {"line": self.first[0], "error": self.first[1]},
        }


class _Lane:
    """Sends the labels of its share of the ids one call after the other, so that of one id the last in the file wins."""

    def __init__(self, client: httpx.AsyncClient, url: str, tally: Tally) -> None:
        self._client, self._url, self._tally = client, url, tally
        self._queue: asyncio.Queue[list[tuple[int, Outgoing]] | None] = asyncio.Queue(2)
        self._filling: list[tuple[int, Outgoing]] = []

    async def put(self, line: int, label: Outgoing) -> None:
        self._filling.append((line, label))
        if len(self._filling) == _CALL:
            await self._queue.put(self._filling)
            self._filling = []

    async def end(self) -> None:
        if self._filling:
            await self._queue.put(self._filling)
        await self._queue.put(None)

    async def run(self) -> None:
        tally = self._tally
        while (batch := await self._queue.get()) is not None:
            try:
                receipt = await post(self._client, self._url, [label for _, label in batch])
            except BadRequest as problem:
                tally.refuse(batch[0][0], len(batch), f"this line and {len(batch) - 1} after it: {problem.message}")
                continue
            tally.accepted += receipt.accepted
            tally.duplicate += receipt.duplicate
            tally.corrected += receipt.corrected


async def deliver(
    url: str,
    rows: Iterable[Row],
    model: str,
    domains: Sequence[Domain],
    tally: Tally,
    progress: Callable[[int], None],
    *,
    text: bool,
) -> None:
    """Sends what the rows hold to `url`, counting on `tally`. Rows that are wrong are left out. text: see reading.outgoing.

    progress is told the line reached, now and then. Raises SetupError if the file or the gateway fails; what was accepted
    until then stays accepted, and sending the file again does no harm.
    """
    try:
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client, asyncio.TaskGroup() as tasks:
            lanes = [_Lane(client, url, tally) for _ in range(_LANES)]
            for lane in lanes:
                tasks.create_task(lane.run())
            for row in rows:
                tally.read += 1
                if tally.read % _CALL == 0:
                    progress(row.line)
                    await asyncio.sleep(0)  # the calls under way have a turn, however fast the file is read
                try:
                    label = outgoing(row, model, domains, text=text)
                except BadRequest as problem:
                    tally.refuse(row.line, 1, problem.message)
                    continue
                if label is None:
                    tally.without += 1
                else:
                    await lanes[zlib.crc32(label.id.encode()) % _LANES].put(row.line, label)
            for lane in lanes:
                await lane.end()
    except ExceptionGroup as problems:
        raise problems.exceptions[0] from None
