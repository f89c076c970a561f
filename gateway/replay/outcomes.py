"""The labels of a replay: each waits until its time has come and its request has been answered."""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from itertools import count

import httpx

from gateway.errors import BadRequest, SetupError
from gateway.labels.sending import Outgoing, post
from gateway.replay.clock import Clock
from gateway.replay.summary import LabelSummary

MAX_WAITING = 200_000
"""Some 60 MB. If more labels wait, the one whose time comes first is sent ahead of it."""

_EVERY_S = 0.25
_CALL = 500


class Outcomes:
    """Sends labels to `url` four times a second, at most 500 in one call, in the order of their time.

    They are sent without it: the gateway has the time of the replay's requests from its own clock, and so has it that of
    their labels, as long after them as the recording says, divided by the speed.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, summary: LabelSummary, limit: int = MAX_WAITING) -> None:
        self._client, self._url, self._summary, self._limit = client, url, summary, limit
        self._waiting: list[tuple[float, int, Outgoing]] = []
        self._number = count()
        self._ended = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def add(self, due: float, label: Outgoing) -> None:
        """A label of an answered request, known at `due`, in seconds since the epoch by the recording's clock."""
        heapq.heappush(self._waiting, (due, next(self._number), label))
        if len(self._waiting) >= 2 * self._limit:
            self._room.clear()

    async def room(self) -> None:
        """Returns once the gateway has taken enough labels for more requests to be sent."""
        await self._room.wait()

    def end(self) -> None:
        """All requests have been answered: `run` sends what is left and returns."""
        self._ended.set()

    async def run(self, clock: Clock) -> None:
        """Sends labels as they become due."""
        while not self._ended.is_set():
            try:
                async with asyncio.timeout(_EVERY_S):
                    await self._ended.wait()
            except TimeoutError:
                await self._send(clock.reached(time.monotonic()), self._limit)
        await self._send(math.inf, 0)

    async def _send(self, until: float, limit: int) -> None:
        """Sends what is due at that time, and the next in order beyond so many that may go on waiting."""
        while call := self._next(until, limit):
            self._summary.sent += len(call)
            try:
                receipt = await post(self._client, self._url, call)
            except (BadRequest, SetupError) as problem:
                self._summary.refusals[problem.message[:200]] += len(call)
            else:
                self._summary.accepted += receipt.accepted
                self._summary.duplicate += receipt.duplicate
                self._summary.corrected += receipt.corrected
        self._room.set()

    def _next(self, until: float, limit: int) -> list[Outgoing]:
        call: list[Outgoing] = []
        while self._waiting and len(call) < _CALL:
            due = self._waiting[0][0] <= until
            if not due and len(self._waiting) <= limit:
                break
            self._summary.early += not due
            call.append(heapq.heappop(self._waiting)[2])
        return call
