"""Which version answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing import Route, split

WEIGHTS = st.dictionaries(st.integers(1, 50), st.floats(0, 1e6, allow_subnormal=False), max_size=8)
POINTS = st.floats(0, 1, exclude_max=True)


@given(WEIGHTS)
def test_shares_are_proportional_to_weights(weights: dict[int, float]) -> None:
    """They add up to 1, and versions of weight 0 get none; without any weight there is no split."""
    total = sum(weights.values())
    made = split(weights)
    assert (made is None) == (total == 0)
    if made is not None:
        for version, weight in weights.items():
            assert made.share(version) == pytest.approx(weight / total, abs=1e-9)
        assert sum(made.share(version) for version in weights) == pytest.approx(1)
        assert made.share(99) == 0


@given(WEIGHTS, POINTS)
def test_a_pick_is_always_a_version_with_weight(weights: dict[int, float], point: float) -> None:
    """No rounding of bounds sends a request to nobody, or to a version that should get none."""
    made = split(weights)
    if made is not None:
        route = made.pick(point)
        assert weights[route.version] > 0
        assert route.reason == ("stable" if len(made.versions) == 1 else "split")


@given(st.lists(st.integers(0, 20), min_size=1, max_size=5).filter(any))
def test_evenly_spread_points_meet_every_version_by_its_share(weights: list[int]) -> None:
    """Of as many points as the weights' sum, each version gets as many as its weight."""
    total = sum(weights)
    made = split(dict(enumerate(weights, 1)))
    assert made is not None
    picked = [made.pick((at + 0.5) / total).version for at in range(total)]
    assert [picked.count(version) for version in range(1, len(weights) + 1)] == weights


@pytest.mark.parametrize(("point", "version"), [(0.0, 1), (0.8999, 1), (0.9, 2), (0.95, 2), (0.9999999999999999, 2)])
def test_a_bound_belongs_to_the_share_above_it(point: float, version: int) -> None:
    """Shares are half-open: [0, 0.9) and [0.9, 1)."""
    made = split({2: 10, 1: 90})
    assert made is not None
    assert made.pick(point) == Route(version, "split")


def test_growing_a_weight_moves_nobody_else() -> None:
    """As version 2 grows, points that it had stay its own: what is sticky keeps its version."""
    before, after = split({1: 90, 2: 10}), split({1: 50, 2: 50})
    assert before is not None
    assert after is not None
    for at in range(1000):
        if before.pick(at / 1000).version == 2:
            assert after.pick(at / 1000).version == 2
