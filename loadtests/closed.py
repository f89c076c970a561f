"""Closed loop: every connection sends its next request as soon as its answer is there.

Finds the highest throughput. Its latencies describe only as many clients as there are connections: a server that
stalls is asked less, so what others would have felt is not in them. `loadtests.open` answers that question.
"""

from __future__ import annotations

import asyncio
import time
from itertools import cycle

from loadtests.connection import Connection
from loadtests.plan import Plan
from loadtests.pool import Pool
from loadtests.result import Result
from loadtests.tally import Tally


async def closed_loop(plan: Plan) -> Result:
    """Runs the plan. Raises LoadError if the server cannot be reached at the start."""
    return await _Closed(plan).run()


class _Closed:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._next = cycle(zip(plan.wires, plan.rows, strict=True))
        self._pool = Pool(plan.target, plan.connections, self, self._ready)
        self._idle = asyncio.Event()
        self._end = 0.0
        self._tally = Tally(0.0, 0.0)

    async def run(self) -> Result:
        plan = self._plan
        connections = await self._pool.open()
        cpu, began = time.process_time(), time.perf_counter()
        self._end = began + plan.warm_up_s + plan.duration_s
        self._tally = Tally(began + plan.warm_up_s, self._end)
        for connection in connections:
            self._send(connection, began)
        await asyncio.sleep(plan.warm_up_s + plan.duration_s)
        share = (time.process_time() - cpu) / (time.perf_counter() - began)
        await self._drain()
        return self._tally.result(share)

    def answered(self, connection: Connection, status: int, size: int) -> None:
        now = time.perf_counter()
        self._tally.answer(connection.began, now, status, size, connection.rows)
        if now < self._end:
            self._send(connection, now)
        else:
            self._idle.set()

    def lost(self, connection: Connection, why: str) -> None:
        if why:
            connection.busy = False
            self._tally.error(why)
        if time.perf_counter() < self._end:
            self._pool.replace(connection, self._tally.error)
        self._idle.set()

    def _ready(self, connection: Connection) -> None:
        now = time.perf_counter()
        if now < self._end:
            self._send(connection, now)

    def _send(self, connection: Connection, now: float) -> None:
        wire, rows = next(self._next)
        connection.send(wire, rows, now)

    async def _drain(self) -> None:
        """Waits for the answers that are still under way; those that stay out are counted."""
        deadline = time.perf_counter() + self._plan.drain_s
        while any(connection.busy for connection in self._pool.connections):
            self._idle.clear()
            try:
                await asyncio.wait_for(self._idle.wait(), deadline - time.perf_counter())
            except TimeoutError:
                break
        for connection in self._pool.connections:
            if connection.busy:
                self._tally.unanswered()
        self._pool.close()
