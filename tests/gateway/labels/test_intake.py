"""From the event loop to the disk."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from pathlib import Path

import pytest

from gateway.errors import BadRequest, Overloaded
from gateway.labels.inbox import Accepted, Inbox
from gateway.labels.intake import MAX_CALLS, Intake
from gateway.labels.label import Domain

FLIGHTS = (Domain("int64", (0, 1)),)


def call(*ids: str, label: object = 1) -> bytes:
    """A call with a label for each id."""
    return json.dumps({"labels": [{"id": identifier, "label": label} for identifier in ids]}).encode()


async def test_what_is_taken_is_on_the_disk(intake: Intake, inbox: Inbox) -> None:
    """Before `take` returns; a label without a time has that of the intake's clock."""
    assert await intake.take(call("a", "b"), "flights", FLIGHTS) == Accepted(2, 0, 0)
    assert [(event.id, event.time, event.received) for event in inbox.read(0, 9)] == [
        ("a", 1000, 1000),
        ("b", 1000, 1000),
    ]


async def test_calls_that_come_at_once_are_all_answered(intake: Intake, inbox: Inbox) -> None:
    """Each with its own counts; large ones, which are parsed in a thread, too."""
    small = [intake.take(call(f"s{number}"), "flights", FLIGHTS) for number in range(50)]
    large = [intake.take(call(*(f"l{n}-{k}" for k in range(6000))), "flights", FLIGHTS) for n in range(3)]
    assert await asyncio.gather(*small, *large) == [Accepted(1, 0, 0)] * 50 + [Accepted(6000, 0, 0)] * 3
    assert inbox.last() == 50 + 18_000


async def test_the_event_loop_does_not_wait_for_the_disk(intake: Intake, path: Path) -> None:
    """While another process holds the file, other requests go on."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    taking = asyncio.create_task(intake.take(call("a"), "flights", FLIGHTS))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not taking.done()
    other.execute("ROLLBACK")
    other.close()
    assert await taking == Accepted(1, 0, 0)


async def test_a_client_that_leaves_does_not_hold_up_the_others(intake: Intake, inbox: Inbox) -> None:
    """Its labels are written all the same: nobody can know whether it saw the answer."""
    gone = asyncio.create_task(intake.take(call("gone"), "flights", FLIGHTS))
    stays = asyncio.create_task(intake.take(call("stays"), "flights", FLIGHTS))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == Accepted(1, 0, 0)
    assert {event.id for event in inbox.read(0, 9)} == {"gone", "stays"}


async def test_a_malformed_call_is_refused_and_counted(path: Path, inbox: Inbox) -> None:
    """And nothing of it is taken."""
    intake = Intake(Inbox(path))
    with pytest.raises(BadRequest, match="found 7, but flights expects one of 0, 1"):
        await intake.take(call("a", label=7), "flights", FLIGHTS)
    await intake.close()
    assert (inbox.last(), inbox.counts()) == (0, {("flights", "refused_calls"): 1})


async def test_only_so_many_calls_are_under_way(intake: Intake) -> None:
    """More are told to come back, before their bodies are read."""
    rooms = [intake.room() for _ in range(MAX_CALLS)]
    for room in rooms:
        room.__enter__()
    with pytest.raises(Overloaded, match="64 calls with labels are under way"), intake.room():
        pass
    rooms.pop().__exit__(None, None, None)
    with intake.room():
        pass
    for room in rooms:
        room.__exit__(None, None, None)


async def test_a_disk_that_fails_is_told_and_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Every call that waited is refused; the next is tried again."""
    made = Inbox(path)
    intake = Intake(made)
    made.close()
    with caplog.at_level(logging.ERROR, "driftgate"), pytest.raises(Overloaded, match="labels cannot be stored"):
        await intake.take(call("a"), "flights", FLIGHTS)
    assert "1 calls with labels were refused" in caplog.text
    with pytest.raises(Overloaded):
        await intake.take(call("a"), "flights", FLIGHTS)
    await intake.close()
