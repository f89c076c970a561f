"""The time in a replay."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.replay.clock import Clock


def test_before_the_first_request_it_has_not_begun() -> None:
    """No label is due."""
    assert Clock(60, 0).reached(99.0) == -math.inf


@pytest.mark.parametrize(("now", "reached"), [(100.0, 0.0), (100.5, 30.0), (101.0, 60.0), (150.0, 60.0)])
def test_it_never_passes_the_next_request(now: float, reached: float) -> None:
    """A replay that is behind has its labels behind too."""
    clock = Clock(60, 100)
    assert [clock.due(0.0), clock.due(60.0)] == [100.0, 101.0]
    assert clock.reached(now) == reached


def test_without_a_speed_it_jumps_from_request_to_request() -> None:
    """Each is due at once."""
    clock = Clock(0, 100)
    assert [clock.due(0.0), clock.due(3600.0)] == [100.0, 100.0]
    assert clock.reached(100.0) == 3600.0


@given(st.floats(0.1, 1e5), st.lists(st.floats(0, 1e9), min_size=1).map(sorted))
def test_when_a_request_is_due_its_time_has_come(speed: float, times: list[float]) -> None:
    """To within rounding."""
    clock = Clock(speed, 0)
    for time in times:
        assert clock.reached(clock.due(time)) == pytest.approx(time, abs=1e-3)
