"""Which processes are kept while a rollout is under way."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.capacity import held, hold
from tests.importing import quietly

Steady = quietly("gateway.dedicated").Steady


def idle(replicas: int) -> Any:
    """What Serve shows to a policy: a deployment of so many replicas, two wanted requests for each, one under way."""
    config = SimpleNamespace(get_target_ongoing_requests=lambda: 2.0)
    return SimpleNamespace(
        config=config,
        current_num_replicas=replicas,
        target_num_replicas=replicas,
        running_replicas=[None] * replicas,
        total_num_requests=1.0,
        total_running_requests=1.0,
        policy_state={},
    )


@pytest.mark.parametrize(("replicas", "free"), [(4, 0.5), (1, 0.5)])
def test_what_is_held_does_not_shrink(tmp_path: Path, replicas: int, free: float) -> None:
    """As long as it is; then Serve's own policy has its way again."""
    policy = Steady(str(held(tmp_path, "flights-1")))
    assert policy(idle(replicas))[0] == free
    hold(tmp_path, ["flights-1"])
    assert policy(idle(replicas))[0] == replicas
    hold(tmp_path, ["flights-2"])
    assert policy(idle(replicas))[0] == free


def test_what_is_held_may_grow(tmp_path: Path) -> None:
    """With the load."""
    hold(tmp_path, ["flights-1"])
    busy = idle(2)
    busy.total_num_requests = busy.total_running_requests = 12.0
    assert Steady(str(held(tmp_path, "flights-1")))(busy)[0] == 6
