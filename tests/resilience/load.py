"""Steady load from several kept-alive connections, every answer of which is accounted for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
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


@contextlib.contextmanager
def load(url: str, body: Any, connections: int = 8) -> Iterator[Tally]:
    """Posts `body` to `url` again and again while the block runs."""
    tally, stop = Tally(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_drive(url, body, connections, tally, stop)))
    thread.start()
    try:
        yield tally
    finally:
        stop.set()
        thread.join(60)


async def _drive(url: str, body: Any, connections: int, tally: Tally, stop: threading.Event) -> None:
    await asyncio.gather(*(_worker(url, body, tally, stop) for _ in range(connections)))


async def _worker(url: str, body: Any, tally: Tally, stop: threading.Event) -> None:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
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
            tally.statuses[answer.status_code] += 1
            tally.versions[answer.headers.get("x-model-version", "")] += 1
            tally.slowest_s = max(tally.slowest_s, time.monotonic() - began)
            if answer.status_code != 200:
                tally.failures.append(f"{answer.status_code} {answer.text[:200]}")
