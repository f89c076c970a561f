"""Open loop: requests leave at a given rate, whether or not answers come.

The latency of each counts from the time when it was to be sent, not from when a connection was free for it: a stall of
the server shows in every request that fell into it, as it would for independent clients (no coordinated omission;
G. Tene, "How NOT to Measure Latency").
"""

from __future__ import annotations

import asyncio
import threading
import time
from array import array
from collections import deque
from contextlib import suppress
from itertools import cycle

import numpy as np

from loadtests.connection import Connection
from loadtests.plan import Plan
from loadtests.pool import Pool
from loadtests.result import Result
from loadtests.tally import Tally

TICK_S = 200e-6
"""The shortest sleep between two looks at the clock; above 5,000 requests a second, several leave together."""
BACKLOG_TICK_S = 1e-3


async def open_loop(plan: Plan) -> Result:
    """Runs the plan, which needs a rate. Raises LoadError if the server cannot be reached at the start."""
    return await _Open(plan).run()


def intended(plan: Plan) -> array[float]:
    """When each request is to leave, in seconds from the start, the warm-up's included; increasing."""
    assert plan.rate is not None
    span = plan.warm_up_s + plan.duration_s
    count = max(1, round(span * plan.rate))
    if not plan.poisson:
        return array("d", (np.arange(count) / plan.rate).tobytes())
    # Given their number, the arrivals of a Poisson process are uniform draws, sorted.
    return array("d", np.sort(np.random.default_rng(plan.seed).uniform(0, span, count)).tobytes())


class _Open:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._wires = cycle(zip(plan.wires, plan.rows, strict=True))
        self._times = intended(plan)
        self._next = 0
        self._free: deque[tuple[Connection, float]] = deque()
        self._pool = Pool(plan.target, plan.connections, self, self._ready)
        self._over = asyncio.Event()
        self._stopped = False
        self._began = 0.0
        self._tally = Tally(0.0, 0.0)

    async def run(self) -> Result:
        plan = self._plan
        connections = await self._pool.open()
        cpu, self._began = time.process_time(), time.perf_counter()
        start, end = self._began + plan.warm_up_s, self._began + plan.warm_up_s + plan.duration_s
        self._tally = Tally(start, end)
        self._free.extend((connection, self._began) for connection in connections)
        pacer = threading.Thread(target=self._pace, args=(asyncio.get_running_loop(),), name="pacer", daemon=True)
        pacer.start()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), end + plan.drain_s - self._began)
        self._stopped = True
        now = time.perf_counter()
        share = (time.process_time() - cpu) / (now - self._began)
        self._count_unanswered(start, now)
        self._pool.close()
        pacer.join()
        return self._tally.result(share)

    def answered(self, connection: Connection, status: int, size: int) -> None:
        now = time.perf_counter()
        self._tally.answer(connection.began, now, status, size, connection.rows)
        self._free.append((connection, now))
        self._pump()

    def lost(self, connection: Connection, why: str) -> None:
        if self._stopped:
            return
        if why:
            connection.busy = False
            self._tally.error(why)
        self._free = deque(entry for entry in self._free if entry[0] is not connection)
        self._pool.replace(connection, self._tally.error)

    def _ready(self, connection: Connection) -> None:
        self._free.append((connection, time.perf_counter()))
        self._pump()

    def _pump(self) -> None:
        """Sends what is due, as far as connections are free."""
        now = time.perf_counter()
        while self._free and self._next < len(self._times):
            due = self._began + self._times[self._next]
            if due > now:
                return
            self._next += 1
            connection, since = self._free.popleft()
            self._tally.lag(due, now - max(due, since))
            wire, rows = next(self._wires)
            connection.send(wire, rows, due)
        if self._next == len(self._times) and not any(c.busy for c in self._pool.connections):
            self._over.set()

    def _pace(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wakes the event loop when a request is due. A thread, since timers of event loops are coarse: 1 ms."""
        while not self._stopped and self._next < len(self._times):
            gap = self._began + self._times[self._next] - time.perf_counter()
            if gap <= 0 and not self._free:
                gap = BACKLOG_TICK_S
            time.sleep(min(max(gap, TICK_S), 0.1))
            if self._free:
                loop.call_soon_threadsafe(self._pump)

    def _count_unanswered(self, start: float, now: float) -> None:
        waiting = [connection.began for connection in self._pool.connections if connection.busy]
        waiting += [self._began + due for due in self._times[self._next :]]
        for due in waiting:
            if due >= start:
                self._tally.unanswered(now - due)
