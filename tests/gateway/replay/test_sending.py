"""A replay against a server: every request once, and its label when its time has come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.labels.inbox import Event
from gateway.labels.sending import Outgoing
from gateway.replay.clock import Clock
from gateway.replay.outcomes import Outcomes
from gateway.replay.recording import Recorded
from gateway.replay.sending import replay
from gateway.replay.summary import LabelSummary, Summary
from tests.gateway.labels.conftest import Served

NOON = datetime(2013, 4, 1, 12, tzinfo=UTC)


def flight(minute: float, label: Any = None, landed: float = 0) -> Recorded:
    """A request so many minutes after noon, and when its label became known."""
    return Recorded(NOON + timedelta(minutes=minute), {}, label, NOON + timedelta(minutes=landed))


async def run(served: Served, flights: list[Recorded], speed: float = 0, model: str = "flights") -> Summary:
    """Replays them; the progress is told of each."""
    seen: list[datetime] = []
    stream: Iterator[Recorded] = iter(flights)
    summary = await replay(f"{served.url}/v2/models/{model}", stream, speed, seen.append)
    assert seen == [flight.time for flight in flights]
    return summary


def numbers(events: list[Event]) -> list[int]:
    """Of the requests that the labels are of, in order of acceptance."""
    return [int(event.id.rpartition("-")[2]) for event in events]


async def test_labels_follow_their_requests(served: Served) -> None:
    """Those that are known, of those that were answered, in the order of their time."""
    served.refused.add(3)
    flights = [flight(0, 1, 90), flight(1, 0, 30), flight(2), flight(3, 1, 20), flight(4, 1, 10)]
    summary = await run(served, flights)
    events = served.inbox.read(0, 9)
    assert numbers(events) == [4, 1, 0]
    assert [event.label for event in events] == [1, 0, 1]
    assert all(event.id in served.asked for event in events)
    assert summary.refusals == {"503 full": 1}
    report = summary.report()
    assert report["labels"] == {"sent": 3, "accepted": 3, "duplicate": 0, "corrected": 0, "early": 0, "refused": {}}
    assert (report["sent"], report["answered"], report["by_version"]) == (5, 4, {"1": 4})


async def test_a_label_comes_at_the_speed_of_the_replay(served: Served) -> None:
    """Half a second after its request, if that is when it was known; those after the last request at once."""
    flights = [flight(0, 1, 0.5), flight(0.75, 0, 600), flight(1.5, 1, 1.5)]
    summary = await run(served, flights, speed=60)
    early, *rest = served.inbox.read(0, 9)
    assert numbers([early, *rest]) == [0, 2, 1]
    assert (rest[0].received - early.received) / 1e9 > 0.4
    assert summary.seconds < 10
    assert early.time == pytest.approx(early.received, abs=10**9)


async def test_many_labels_are_sent_in_few_calls(served: Served) -> None:
    """At most 500 in one."""
    flights = [flight(number / 60, number % 2, 1000 - number) for number in range(1200)]
    summary = await run(served, flights)
    assert summary.labels.accepted == 1200
    assert len({event.received for event in served.inbox.read(0, 2000)}) < 100


async def test_labels_that_are_refused_are_told(served: Served) -> None:
    """With the gateway's sentence."""
    summary = await run(served, [flight(0, "late", 1)])
    (sentence,) = summary.labels.refusals
    assert 'labels[0].label: found "late", but flights expects one of 0, 1' in sentence
    assert summary.report()["labels"]["accepted"] == 0


async def test_an_empty_recording_is_replayed_at_once(served: Served) -> None:
    """The summary says that there was nothing."""
    report = (await run(served, [])).report()
    assert (report["sent"], report["from"], report["p50_ms"], report["labels"]["sent"]) == (0, None, None, 0)


async def test_only_so_many_labels_wait(served: Served) -> None:
    """Beyond it the next in order are sent ahead of their time, and requests wait for that."""
    async with httpx.AsyncClient(trust_env=False) as client:
        summary = LabelSummary()
        outcomes = Outcomes(client, f"{served.url}/v2/models/flights/labels", summary, limit=10)
        for number in range(20):
            outcomes.add(100.0 - number, Outgoing(f"r-{number}", 1))
        clock = Clock(0, 0)
        clock.due(0.0)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(outcomes.run(clock))
            await outcomes.room()
            assert (summary.early, summary.accepted) == (10, 10)
            assert numbers(served.inbox.read(0, 99)) == list(range(19, 9, -1))
            outcomes.end()
    assert (summary.accepted, summary.early) == (20, 10)
