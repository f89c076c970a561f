"""How many replicas the load calls for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.importing import quietly

autoscaling = quietly("gateway.autoscaling")


@pytest.mark.parametrize(
    ("loads", "running", "wanted"),
    [
        ({}, 2, 2.0),
        ({"load": {}}, 2, 2.0),
        ({"load": {"a": 0.6, "b": 0.6}}, 2, 2.0),
        ({"load": {"a": 0.9, "b": 0.9}}, 2, 3.0),
        ({"load": {"a": 0.0}}, 1, 0.0),
        ({"load": {"a": 0.9}}, 3, 4.5),
    ],
)
def test_replicas_follow_the_load(loads: dict[str, Any], running: int, wanted: float) -> None:
    """As many as keep each busy for its target; those that have not reported are taken as average."""
    context: Any = SimpleNamespace(aggregated_metrics=loads, current_num_replicas=running)
    assert autoscaling.FollowLoad(0.6)(context) == (wanted, {})


def test_without_metrics_nothing_changes() -> None:
    """Serve gives none at first."""
    context: Any = SimpleNamespace(aggregated_metrics=None, current_num_replicas=3)
    assert autoscaling.FollowLoad(0.6)(context) == (3.0, {})


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10), st.floats(0.1, 1))
def test_at_the_target_the_number_stands_still(loads: list[float], target: float) -> None:
    """More load never calls for fewer, and no more than all can be busy is called for."""
    wanted = autoscaling.needed(sum(loads), len(loads), len(loads), target)
    assert wanted == pytest.approx(sum(loads) / target, abs=1e-3)
    assert wanted <= len(loads) / target + 1e-3
    assert autoscaling.needed(target * len(loads), len(loads), len(loads), target) == len(loads)
