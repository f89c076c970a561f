"""Which version answers."""

from __future__ import annotations

import pickle
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.query import Query
from gateway.routing import ModelRoute, Route, Routing, model_route, split
from gateway.rules import rule
from gateway.stickiness import Sticky

WEIGHTS = st.dictionaries(st.integers(1, 50), st.floats(0, 1e9, allow_subnormal=False), max_size=8)
POINTS = st.floats(0, 1, exclude_max=True)
NOTHING = Query("", [])
USER = Sticky("header", "x-user-id")


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
        assert route.reason == ("stable" if len(made.routes) == 1 else "split")


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


@pytest.mark.parametrize(
    ("weights", "point", "route"),
    [
        ({2: 99, 1: 1}, 0.0, Route(2, "stable")),
        ({2: 99, 1: 1}, 0.995, Route(1, "candidate")),
        ({2: 100, 1: 0}, 0.995, Route(2, "stable")),
        ({2: 0, 1: 100}, 0.0, Route(1, "candidate")),
        ({2: 50, 1: 25, 3: 25}, 0.99, Route(3, "split")),
    ],
)
def test_a_rollout_names_its_two_versions(weights: dict[int, float], point: float, route: Route) -> None:
    """Stable, whose share comes first, and candidate; whoever else has weight is split."""
    made = split(weights, stable=2, candidate=1)
    assert made is not None
    assert made.pick(point) == route


def deciding(routing: Routing, *ready: int) -> ModelRoute:
    """The routing with these versions ready."""
    return model_route("flights", routing, ready, max(ready, default=None), revision=7)


BETA = rule("header", "X-Cohort", ["beta"], 2)
GOLD = rule("parameter", "plan", ["gold"], 3)
HALVES = Routing({1: 1, 2: 1, 3: 0}, USER, (BETA, GOLD))


@pytest.mark.parametrize(
    ("headers", "parameters", "route"),
    [
        ({}, {}, Route(1, "split")),
        ({"x-cohort": "beta"}, {}, Route(2, "rule")),
        ({"x-cohort": "beta", "x-user-id": "bob"}, {"plan": "gold"}, Route(2, "rule")),
        ({"x-cohort": "Beta"}, {"plan": "gold"}, Route(3, "rule")),
        ({"x-cohort": "gamma"}, {"plan": "silver"}, Route(1, "split")),
        ({"x-user-id": "ann"}, {}, Route(2, "split")),
        ({"x-user-id": "bob"}, {}, Route(1, "split")),
        ({"x-user-id": ""}, {}, Route(1, "split")),
    ],
)
def test_rules_come_first_then_the_key_then_the_point(
    headers: dict[str, str], parameters: dict[str, Any], route: Route
) -> None:
    """The first rule that is met wins, and reaches a dark version; who has no key goes where the point falls."""
    assert deciding(HALVES, 1, 2, 3).decide(0.2, headers, Query("", [], [], parameters)) == route


def test_the_share_of_who_is_not_ready_goes_to_the_others_in_proportion() -> None:
    """With a key or without one; nobody is sent where nobody answers."""
    routing = Routing({1: 60, 2: 20, 3: 20}, USER)
    made = deciding(routing, 1, 3)
    assert made.split is not None
    assert [made.split.share(version) for version in (1, 2, 3)] == pytest.approx([0.75, 0, 0.25])
    assert {made.decide(0.1, {"x-user-id": str(key)}, NOTHING) for key in range(100)} == {
        Route(1, "split"),
        Route(3, "split"),
    }
    assert deciding(routing, 2).decide(0.1, {"x-user-id": "ann"}, NOTHING) == Route(2, "stable")
    assert deciding(routing).decide(0.1, {"x-user-id": "ann"}, NOTHING) is None


def test_only_keys_of_the_version_that_is_not_ready_move_away() -> None:
    """And they come back with it."""
    routing = Routing({1: 60, 2: 20, 3: 20}, USER)
    before, after = deciding(routing, 1, 2, 3), deciding(routing, 1, 3)
    for key in range(500):
        was, now = (made.decide(0.5, {"x-user-id": str(key)}, NOTHING) for made in (before, after))
        assert was == now or was == Route(2, "split")


def test_a_rule_holds_though_its_version_is_not_ready() -> None:
    """To answer with another would be a silent lie; who refuses is the catalogue."""
    assert deciding(HALVES, 1).decide(0.0, {"x-cohort": "beta"}, NOTHING) == Route(2, "rule")
    assert deciding(HALVES).decide(0.0, {"x-cohort": "beta"}, NOTHING) == Route(2, "rule")


def test_without_weights_the_newest_gets_everything() -> None:
    """Which one that is, the catalogue says."""
    assert deciding(Routing(), 1, 2).decide(0.0, {}, NOTHING) == Route(2, "stable")


def test_the_versions_that_a_routing_needs_are_those_with_weight_or_a_rule() -> None:
    """A dark version without a rule is missed by nobody but who names it."""
    assert HALVES.needs() == {1, 2, 3}
    assert Routing({1: 1, 2: 0}).needs() == {1}
    assert Routing(rules=(BETA,)).needs() == {2}


def test_a_routing_travels_between_processes() -> None:
    """And decides there as here."""
    made = deciding(HALVES, 1, 2, 3)
    assert pickle.loads(pickle.dumps(made)) == made
    assert pickle.loads(pickle.dumps(HALVES)) == HALVES
    assert made.revision == 7


@pytest.mark.parametrize("sticky", [None, USER])
@pytest.mark.parametrize("weights", [{1: 90, 2: 10}, {1: 99.5, 2: 0.5}, {1: 5, 2: 3, 3: 2}, {1: 1, 2: 1, 3: 1, 4: 1}])
def test_shares_are_exact_in_the_long_run(weights: dict[int, float], sticky: Sticky | None) -> None:
    """Of 40,000 requests, each version answers its share, give or take five standard deviations."""
    made, draw, n = deciding(Routing(weights, sticky), *weights), random.Random(5), 40_000
    routes = (made.decide(draw.random(), {"x-user-id": f"user-{key}"}, NOTHING) for key in range(n))
    counts = Counter(route.version for route in routes if route)
    for version, weight in weights.items():
        share = weight / sum(weights.values())
        assert abs(counts[version] - n * share) < 5 * (n * share * (1 - share)) ** 0.5
