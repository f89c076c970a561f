"""How much a replica takes on, and how busy it is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admission import Admission, LoadMeter
from gateway.errors import Overloaded


def test_up_to_the_limit_requests_enter() -> None:
    """The next is refused, and may enter once one has left."""
    admission = Admission(2)
    admission.enter(0)
    admission.enter(0)
    with pytest.raises(Overloaded, match=r"^2 requests are in flight, the limit \(limits\.max_in_flight\)$") as full:
        admission.enter(0)
    assert full.value.retry_after_s == 1
    assert admission.in_flight == 2
    admission.leave(1)
    admission.enter(1)
    assert admission.in_flight == 2


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 1000)), max_size=20), st.data())
def test_busy_is_the_share_of_time_with_a_request_in_flight(spans: list[tuple[int, int]], data: st.DataObject) -> None:
    """However requests overlap, and however often one looks, each moment is counted once."""
    admission = Admission(100)
    start = time.perf_counter_ns() + 10**9
    admission.busy(start)
    events = sorted([(at, 1) for at, _ in spans] + [(at + length, -1) for at, length in spans] + [(2001, 0)])
    looks = [*sorted(data.draw(st.lists(st.integers(1, 2000), max_size=5), label="looks")), 2001]
    busy, looked = 0.0, 0
    for at, step in events:
        while looks and looks[0] <= at:
            busy += admission.busy(start + looks[0]) * (looks[0] - looked)
            looked = looks.pop(0)
        if step > 0:
            admission.enter(start + at)
        elif step < 0:
            admission.leave(start + at)
    covered = {moment for at, length in spans for moment in range(at, at + length)}
    assert busy == pytest.approx(len(covered))
    assert admission.in_flight == 0


def test_a_load_lies_between_0_and_1() -> None:
    """Working, the thread itself shows as load; two looks in the same moment do no harm."""
    admission = Admission(1)
    meter = LoadMeter(admission)
    end = time.thread_time_ns() + 20_000_000
    while time.thread_time_ns() < end:
        pass
    assert 0.1 < meter.now() <= 1
    admission.enter(time.perf_counter_ns())
    assert all(0 <= meter.now() <= 1 for _ in range(5))
    assert meter.now() > 0.5


def test_once_closed_nothing_more_is_taken_on() -> None:
    """What is in flight goes on; whoever comes is told to come back later."""
    admission = Admission(2)
    admission.enter(0)
    admission.close()
    with pytest.raises(Overloaded, match="the gateway is stopping") as refused:
        admission.enter(1)
    assert refused.value.retry_after_s == 5
    admission.leave(2)
    assert admission.in_flight == 0
