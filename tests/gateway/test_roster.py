"""The replicas by their reports: who is waited for, and who is missing."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.roster import BURIED_S, GONE_S, Roster
from gateway.statistics import Statistics


class Clock:
    """Set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def report(revision: int = 1, ready: tuple[int, ...] = (1,), answered: int = 0) -> dict[str, Any]:
    """A replica's; answered: requests of model m, version 1."""
    statistics = Statistics()
    statistics.counts["success"] = answered
    return {"revision": revision, "ready": {"m": list(ready)}, "statistics": {("m", 1): statistics.export()}}


@pytest.fixture
def clock() -> Clock:
    """One for each test."""
    return Clock()


def test_a_replica_lives_as_long_as_it_reports(clock: Clock) -> None:
    """And one that starts does not serve yet."""
    roster = Roster(1, clock)
    assert roster.note("a", report())
    assert roster.note("b", report(0))
    assert list(roster.living()) == ["a", "b"]
    assert [found["revision"] for found in roster.serving()] == [1]
    clock.now += GONE_S
    assert not roster.note("b", report(0))
    assert list(roster.living()) == ["a", "b"]
    clock.now += 0.1
    assert list(roster.living()) == ["b"]


def test_ready_is_what_every_replica_can_answer_with(clock: Clock) -> None:
    """Of those that serve; nothing if none does."""
    roster = Roster(1, clock)
    assert roster.ready("m") == set()
    roster.note("a", report(ready=(1, 2)))
    roster.note("b", report(0, ready=()))
    assert roster.ready("m") == {1, 2}
    roster.note("b", report(ready=(2, 3)))
    assert roster.ready("m") == {2}
    assert roster.ready("other") == set()


def test_a_replica_that_is_missing_is_unreachable_until_it_is_replaced(clock: Clock) -> None:
    """But as long as the gateway starts, it is only not there yet; more than are wanted may come and go."""
    roster = Roster(2, clock)
    assert roster.states() == {"serving": 0, "starting": 2, "unreachable": 0}
    roster.note("a", report())
    roster.note("b", report(0))
    assert roster.states() == {"serving": 1, "starting": 1, "unreachable": 0}
    roster.note("b", report())
    roster.note("c", report())
    assert roster.states() == {"serving": 3, "starting": 0, "unreachable": 0}
    clock.now += GONE_S + 1
    roster.note("a", report())
    assert roster.states() == {"serving": 1, "starting": 0, "unreachable": 1}
    clock.now += BURIED_S + 1
    roster.note("a", report())
    assert roster.states() == {"serving": 1, "starting": 0, "unreachable": 1}
    roster.note("d", report(0))
    assert roster.states() == {"serving": 1, "starting": 1, "unreachable": 0}


def test_what_a_replica_counted_outlives_it(clock: Clock) -> None:
    """Before and after it is given up."""
    roster = Roster(1, clock)
    roster.note("a", report(answered=5))
    clock.now += BURIED_S + 1
    assert roster.totals()["m", 1]["counts"]["success"] == 5
    roster.note("b", report(answered=2))
    assert roster.totals()["m", 1]["counts"]["success"] == 7
