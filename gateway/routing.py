"""Which version answers a request: a small immutable value, and a decision that takes a microsecond, or three for a key."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping
from itertools import accumulate
from typing import Literal, NamedTuple

from gateway.query import Query
from gateway.rules import Rule, first_match
from gateway.stickiness import Rendezvous, Sticky, rendezvous

Reason = Literal["stable", "candidate", "split", "rule", "pinned"]


SHADOWS = "it only shadows"
"""Why a shadow that is nothing else is not in service."""


class Route(NamedTuple):
    """A version, and why this one."""

    version: int
    reason: Reason


class Split(NamedTuple):
    """Routes with the upper bounds of their shares of [0, 1), ascending; the last bound is 1."""

    routes: tuple[Route, ...]
    bounds: tuple[float, ...]

    def pick(self, point: float) -> Route:
        """The route whose share holds `point`, 0 <= point < 1.

        >>> split({1: 90, 2: 10}).pick(0.95)
        Route(version=2, reason='split')
        """
        return self.routes[bisect_right(self.bounds, point)]

    def share(self, version: int) -> float:
        """The version's share of traffic, 0 to 1."""
        lower = 0.0
        for route, upper in zip(self.routes, self.bounds, strict=True):
            if route.version == version:
                return upper - lower
            lower = upper
        return 0.0


class Routing(NamedTuple):
    """How one model's requests are to be directed, whichever versions are ready.

    weights: by version, only their proportions matter; 0 is dark, reached by its own path and by rules alone. None: all goes
    to the newest version in production. stable, candidate: of the rollout, if there is one. shadow: run by their own processes.
    """

    weights: Mapping[int, float] | None = None
    sticky: Sticky | None = None
    rules: tuple[Rule, ...] = ()
    shadow: tuple[int, ...] = ()
    stable: int | None = None
    candidate: int | None = None

    def needs(self) -> set[int]:
        """The versions that some request may be sent to; without weights, nobody knows beforehand."""
        weighted = {version for version, weight in (self.weights or {}).items() if weight > 0}
        return weighted | {rule.version for rule in self.rules}

    def silent(self) -> set[int]:
        """The shadows that are nothing else: replicas do not load them, so that whatever they do, they do elsewhere."""
        if self.weights is None:
            return set()
        return set(self.shadow) - set(self.weights) - {rule.version for rule in self.rules}


class ModelRoute(NamedTuple):
    """A routing brought down to the versions that are ready, at a revision. split is None if none of them has weight."""

    split: Split | None
    rules: tuple[Rule, ...] = ()
    sticky: Sticky | None = None
    keys: Rendezvous | None = None
    revision: int = 0

    def decide(self, point: float, headers: Mapping[str, str], query: Query) -> Route | None:
        """The first rule that is met, else the key's own version, else the one whose share holds `point`; None if none can.

        A rule holds whether its version is ready or not: to answer with another would be a silent lie.
        """
        if self.rules:
            ruled = first_match(self.rules, headers, query.parameters)
            if ruled is not None:
                return Route(ruled, "rule")
        if self.split is None:
            return None
        if self.sticky is not None and self.keys is not None:
            key = self.sticky.key(headers, query)
            if key is not None:
                return self.split.routes[self.keys.place(key)]
        return self.split.pick(point)


def split(weights: Mapping[int, float], stable: int | None = None, candidate: int | None = None) -> Split | None:
    """Shares proportional to the weights; versions of weight 0 get none. None if no weight is above 0.

    stable, candidate: of a rollout; stable's share comes first, so that at point 0 it describes the model.
    """
    held = {version: weights[version] for version in sorted(weights, key=lambda v: (v != stable, v))}
    held = {version: weight for version, weight in held.items() if weight > 0}
    if not held:
        return None
    total = sum(held.values())
    bounds = [bound / total for bound in accumulate(held.values())]
    routes = [Route(version, _reason(version, len(held) == 1, stable, candidate)) for version in held]
    return Split(tuple(routes), (*bounds[:-1], 1.0))


def model_route(
    model: str, routing: Routing, ready: Collection[int], newest: int | None, revision: int = 0
) -> ModelRoute:
    """What of the routing holds while `ready` are: the others' shares go to these, in proportion, and come back with them.

    newest: the ready version that gets everything where no weights are given.

    >>> halves = model_route("flights", Routing({1: 1, 2: 1}), ready=[1], newest=1)
    >>> halves.decide(0.9, {}, Query("", []))
    Route(version=1, reason='stable')
    """
    weights = routing.weights
    if weights is None:
        weights = {} if newest is None else {newest: 1.0}
    weights = {version: weight for version, weight in weights.items() if version in ready}
    shared = split(weights, routing.stable, routing.candidate)
    keys = None
    if routing.sticky is not None and shared is not None and len(shared.routes) > 1:
        versions = [route.version for route in shared.routes]
        keys = rendezvous(model, versions, [weights[version] for version in versions])
    return ModelRoute(shared, routing.rules, None if keys is None else routing.sticky, keys, revision)


def _reason(version: int, alone: bool, stable: int | None, candidate: int | None) -> Reason:
    if version == candidate:
        return "candidate"
    return "stable" if alone or version == stable else "split"
