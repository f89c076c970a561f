"""Steady load from several kept-alive connections, every answer of which is accounted for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass
class Tally:
    """What the load met. `reopened` counts kept-alive connections that the peer closed before any byte of an answer."""

    statuses: Counter[int] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    reopened: int = 0
    slowest_s: float = 0.0

    @property
    def answered(self) -> int:
        """How many requests were answered 200."""
        return self.statuses[200]


Worker = Callable[[httpx.AsyncClient, threading.Event], Coroutine[Any, Any, None]]


@contextlib.contextmanager
def connected(url: str, worker: Worker, connections: int) -> Iterator[None]:
    """Runs `worker` on so many kept-alive connections while the block runs; each ends when its event is set."""
    stop = threading.Event()

    async def one() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
            await worker(client, stop)

    async def every() -> None:
        await asyncio.gather(*(one() for _ in range(connections)))

    thread = threading.Thread(target=lambda: asyncio.run(every()))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)


@contextlib.contextmanager
def load(url: str, body: Any, connections: int = 8) -> Iterator[Tally]:
    """Posts `body` to `url` again and again while the block runs."""
    tally = Tally()

    async def worker(client: httpx.AsyncClient, stop: threading.Event) -> None:
        fresh = True
        while not stop.is_set():
            began = time.monotonic()
            try:
                answer = await client.post(url, json=body)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as problem:
                if fresh:  # a connection that was never used: nothing excuses it
                    tally.failures.append(repr(problem))
                tally.reopened += 1
                fresh = True
                continue
            except httpx.HTTPError as problem:
                tally.failures.append(repr(problem))
                continue
            fresh = False
            _count(tally, answer, time.monotonic() - began)

    with connected(url, worker, connections):
        yield tally


def _count(tally: Tally, answer: httpx.Response, seconds: float) -> None:
    tally.statuses[answer.status_code] += 1
    tally.versions[answer.headers.get("x-model-version", "")] += 1
    tally.slowest_s = max(tally.slowest_s, seconds)
    if answer.status_code != 200:
        tally.failures.append(f"{answer.status_code} {answer.text[:200]}")
