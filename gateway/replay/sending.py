"""The requests of a replay, each sent when its time has come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import httpx

from gateway.client import reason
from gateway.labels.sending import Outgoing
from gateway.replay.clock import Clock
from gateway.replay.outcomes import Outcomes
from gateway.replay.recording import Recorded, moment
from gateway.replay.summary import Summary

_AT_ONCE = 64


async def replay(url: str, stream: Iterator[Recorded], speed: float, progress: Callable[[datetime], None]) -> Summary:
    """Posts each request to the model at `url` when its time has come, and the label of each that was answered.

    The first request is sent at once, the others `speed` times as fast as recorded; 0 sends them as fast as they are
    answered. At most 64 are under way at once; if that holds the replay up, the summary says by how much. A label is sent
    when the replay's clock reaches its time; those whose time lies beyond the last request are sent after it, at once.
    """
    summary, clock = Summary(), Clock(speed, time.monotonic())
    limits = httpx.Limits(max_connections=_AT_ONCE + 1, max_keepalive_connections=_AT_ONCE + 1)
    async with httpx.AsyncClient(timeout=30, trust_env=False, limits=limits) as client:
        outcomes = Outcomes(client, f"{url}/labels", summary.labels)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(outcomes.run(clock))
            await _Requests(client, url, clock, outcomes, summary).run(stream, progress)
            outcomes.end()
    summary.seconds = time.monotonic() - clock.began
    return summary


class _Requests:
    def __init__(self, client: httpx.AsyncClient, url: str, clock: Clock, outcomes: Outcomes, summary: Summary) -> None:
        self._client, self._url = client, f"{url}/infer"
        self._clock, self._outcomes, self._summary = clock, outcomes, summary
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def run(self, stream: Iterator[Recorded], progress: Callable[[datetime], None]) -> None:
        """Sends them all; returns when the last has been answered."""
        summary, run = self._summary, f"replay-{time.time_ns() // 1_000_000:x}"
        async with asyncio.TaskGroup() as tasks:
            for request in stream:
                summary.first = summary.first or request.time
                summary.last = request.time
                due = self._clock.due(moment(request.time))
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self._outcomes.room()
                await self._room.acquire()
                if self._clock.speed:
                    summary.behind_s = max(summary.behind_s, time.monotonic() - due)
                tasks.create_task(self._send(f"{run}-{summary.sent}", request))
                summary.sent += 1
                progress(request.time)

    async def _send(self, identifier: str, request: Recorded) -> None:
        summary, began = self._summary, time.monotonic()
        try:
            answer = await self._client.post(self._url, json={"id": identifier, **request.body})
        except httpx.HTTPError as problem:
            summary.refusals[type(problem).__name__] += 1
            return
        finally:
            self._room.release()
        if answer.is_error:
            summary.refusals[f"{answer.status_code} {reason(answer)[:120]}"] += 1
            return
        summary.latencies.append(time.monotonic() - began)
        summary.versions[answer.headers.get("x-model-version", "?")] += 1
        if request.label is not None:
            self._outcomes.add(moment(request.label_time or request.time), Outgoing(identifier, request.label))
