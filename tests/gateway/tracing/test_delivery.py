"""Deliveries: bounded, counted, and never at the cost of who gives."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from gateway.tracing.delivery import Delivery
from tests.running import wait_for


class Desk:
    """Takes what is sent, while `open`; says whether it `takes` it."""

    def __init__(self) -> None:
        self.taken: list[list[int]] = []
        self.takes = True
        self.open = threading.Event()
        self.open.set()
        self.closed = False

    @property
    def problem(self) -> str:
        """See Receiver."""
        return "" if self.takes else "nobody is there"

    def send(self, items: Sequence[int]) -> bool:
        """See Receiver."""
        self.taken.append(list(items))
        self.open.wait(60)
        return self.takes

    def close(self) -> None:
        """See Receiver."""
        self.closed = True
        self.open.set()


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A desk that is open."""
    found = Desk()
    yield found
    found.open.set()


def test_what_is_given_arrives_in_its_order(desk: Desk) -> None:
    """In batches that are full, and what is left when it closes."""
    delivery = Delivery[int](desk, batch=4, delay_s=60)
    for item in range(10):
        delivery.put(item)
    delivery.close(10)
    assert [item for batch in desk.taken for item in batch] == list(range(10))
    assert max(map(len, desk.taken)) == 4
    assert (delivery.dropped, desk.closed) == (0, True)


def test_few_do_not_wait_for_more(desk: Desk) -> None:
    """Longer than the delay."""
    delivery = Delivery[int](desk, delay_s=0.01)
    delivery.put(1)
    wait_for(lambda: desk.taken == [[1]], 10, "the delivery")
    delivery.close(10)


def test_what_has_no_room_is_dropped_at_once(desk: Desk) -> None:
    """And counted; whoever gives never waits for who takes."""
    desk.open.clear()
    delivery = Delivery[int](desk, room=5, batch=1, delay_s=60)
    delivery.put(0)
    wait_for(lambda: desk.taken, 10, "the first to be under way")
    began = time.monotonic()
    for item in range(1, 1000):
        delivery.put(item)
    assert time.monotonic() - began < 5
    assert delivery.dropped == 1000 - 1 - 5
    desk.open.set()
    delivery.close(10)
    assert sum(map(len, desk.taken)) == 6


def test_what_does_not_arrive_is_counted(desk: Desk) -> None:
    """With what had no room."""
    desk.takes = False
    delivery = Delivery[int](desk, batch=2, delay_s=60)
    for item in range(6):
        delivery.put(item)
    delivery.close(10)
    assert delivery.dropped == 6


def test_the_log_says_so_once_a_minute(desk: Desk, lines: pytest.LogCaptureFixture) -> None:
    """How many, and why; and how many more when it closes."""
    clock = [100.0]
    desk.takes = False
    delivery = Delivery[int](desk, batch=1, delay_s=0.01, now=lambda: clock[0])

    def fail(*items: int) -> None:
        for item in items:
            delivery.put(item)
        wait_for(lambda: delivery.dropped == items[-1], 10, "the count")

    fail(1)
    wait_for(lambda: lines.messages, 10, "the line")
    fail(2, 3)
    clock[0] += 60
    wait_for(lambda: len(lines.messages) == 2, 10, "the line")
    fail(4)
    delivery.close(10)
    assert lines.messages == [
        "traces of 1 requests were dropped, 1 so far: nobody is there",
        "traces of 2 requests were dropped, 3 so far: nobody is there",
        "traces of 1 requests were dropped, 4 so far: nobody is there",
    ]


def test_closing_takes_no_longer_than_it_may(desk: Desk) -> None:
    """What did not get away by then is counted; what comes later is, too."""
    desk.open.clear()
    delivery = Delivery[int](desk, batch=1, delay_s=60)
    for item in range(10):
        delivery.put(item)
    wait_for(lambda: desk.taken, 10, "the first to be under way")
    desk.takes = False
    began = time.monotonic()
    delivery.close(0.1)
    assert time.monotonic() - began < 5
    assert delivery.dropped == 10
    delivery.put(11)
    delivery.close(0.1)
    assert delivery.dropped == 11
