"""The versions that a replica holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from gateway.batching import Result
from gateway.catalogue import Catalogue, Status
from gateway.errors import NotFound, NotReady
from gateway.manifest import Manifest
from gateway.query import Query, Rows
from gateway.repository import signature_of
from gateway.routing import Route, Routing
from gateway.rules import rule
from gateway.stickiness import Sticky
from gateway.version import Version, Watch


class Nobody:
    """A runner that is never asked."""

    async def run(
        self, rows: Rows, count: int, names: Sequence[str] | None, deadline: float | None, watch: Watch | None
    ) -> Result:
        """See Runner."""
        raise AssertionError


def version(number: int, stage: Any = "production", stamp: str = "", name: str = "flights") -> Version:
    """A version of flights."""
    manifest = Manifest(name=name, version=number, inputs=(), outputs=(), stage=stage)
    return Version(manifest, signature_of(manifest), stamp, Nobody())


def holding(*versions: Version) -> Catalogue:
    """A catalogue with these in service."""
    catalogue = Catalogue()
    for held in versions:
        catalogue.put(held)
    return catalogue


def routed(catalogue: Catalogue, pinned: int | None = None, point: float = 0.5) -> Route:
    """Where a request for flights goes."""
    return catalogue.route("flights", pinned, point)[0]


def test_unversioned_requests_go_to_the_newest_version_in_production() -> None:
    """Whatever the order in which versions came."""
    assert routed(holding(version(2), version(10), version(9), version(11, "development"))) == Route(10, "stable")


def test_without_one_in_production_the_newest_of_all_answers() -> None:
    """A lone version in development is better than none."""
    assert routed(holding(version(1, "development"), version(2, "archived"))) == Route(2, "stable")


@pytest.mark.parametrize(("point", "number"), [(0.0, 1), (0.5, 1), (0.95, 2)])
def test_weights_split_traffic(point: float, number: int) -> None:
    """By the share that holds the point."""
    catalogue = holding(version(1), version(2), version(3))
    catalogue.direct({"flights": Routing({1: 90, 2: 10})})
    assert routed(catalogue, point=point) == Route(number, "split")
    assert [catalogue.share("flights", number) for number in (1, 2, 3)] == pytest.approx([0.9, 0.1, 0])


def test_a_version_that_is_not_ready_leaves_its_share_to_the_others() -> None:
    """Traffic is never sent where nobody answers, and comes back with the version."""
    catalogue = holding(version(1), version(2))
    catalogue.direct({"flights": Routing({1: 50, 2: 50})})
    catalogue.remove("flights", 2, "unloaded")
    assert routed(catalogue, point=0.9) == Route(1, "stable")
    catalogue.put(version(2))
    assert routed(catalogue, point=0.9) == Route(2, "split")


def test_a_model_with_no_weighted_version_ready_is_not_ready() -> None:
    """The reasons are told; versions without weight are not used in silence."""
    catalogue = holding(version(3))
    catalogue.declare("flights", 1, Status("LOADING"))
    catalogue.declare("flights", 2, Status("UNAVAILABLE", "flights/2: hash"))
    catalogue.direct({"flights": Routing({1: 1, 2: 1})})
    with pytest.raises(NotReady, match=r"^flights: no version is ready: 1: loading; 2: flights/2: hash; 3: ready$"):
        routed(catalogue)


def test_a_pinned_version_answers_whatever_the_weights() -> None:
    """The path names it."""
    catalogue = holding(version(1), version(2))
    assert routed(catalogue, pinned=1) == Route(1, "pinned")


def test_what_is_not_there_is_not_found() -> None:
    """Neither a model nor a version."""
    catalogue = holding(version(1), version(2))
    with pytest.raises(NotFound, match=r'^no model "delays"$'):
        catalogue.route("delays", None, 0)
    with pytest.raises(NotFound, match=r"^flights has no version 3; it has 1, 2$"):
        routed(catalogue, pinned=3)


@pytest.mark.parametrize(
    ("status", "reason"), [(Status("LOADING"), "loading"), (Status("UNAVAILABLE", "unloaded"), "unloaded")]
)
def test_a_pinned_version_that_is_not_ready_says_why(status: Status, reason: str) -> None:
    """503, for it may be ready later."""
    catalogue = holding(version(1))
    catalogue.declare("flights", 2, status)
    with pytest.raises(NotReady, match=f"^flights/2 is not ready: {reason}$"):
        routed(catalogue, pinned=2)


def test_a_new_load_replaces_the_version_and_keeps_its_counts() -> None:
    """Statistics are the version's, not the load's."""
    catalogue = holding(version(1, stamp="old"))
    _, entry, _ = catalogue.route("flights", None, 0)
    entry.statistics.failed(5)
    catalogue.declare("flights", 1, Status("READY", "its new files are loading"))
    assert catalogue.route("flights", 1, 0)[2].stamp == "old"
    catalogue.put(version(1, stamp="new"))
    _, again, found = catalogue.route("flights", 1, 0)
    assert (found.stamp, again.statistics.counts["fail"], again.status) == ("new", 1, Status("READY"))


def test_a_forgotten_model_is_gone() -> None:
    """With its last version goes the model."""
    catalogue = holding(version(1), version(2))
    catalogue.forget("flights", 2)
    assert routed(catalogue) == Route(1, "stable")
    catalogue.forget("flights", 1)
    catalogue.forget("flights", 1)
    with pytest.raises(NotFound):
        routed(catalogue)
    assert catalogue.entries() == {}
    assert catalogue.share("flights", 1) == 0


def test_versions_are_listed_in_their_order() -> None:
    """By number, however they came."""
    assert list(holding(version(10), version(2), version(1)).entries()["flights"]) == [1, 2, 10]


BETA = rule("header", "x-cohort", ["beta"], 2)
ASKED: Any = (None, 0.0, {"x-cohort": "beta"}, Query("", []))


def test_a_rule_reaches_a_dark_version() -> None:
    """Weight 0 gets no share of the others' traffic; its path and rules lead to it."""
    catalogue = holding(version(1), version(2))
    catalogue.direct({"flights": Routing({1: 1, 2: 0}, rules=(BETA,))})
    assert catalogue.share("flights", 2) == 0
    assert catalogue.route("flights", *ASKED)[0] == Route(2, "rule")
    assert routed(catalogue, pinned=2) == Route(2, "pinned")
    assert {routed(catalogue, point=at / 100) for at in range(100)} == {Route(1, "stable")}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status("LOADING"), "loading"),
        (Status("UNAVAILABLE", "unloaded"), "unloaded"),
        (None, "a rule names it, but it is not there"),
    ],
)
def test_a_rule_to_a_version_that_is_not_ready_says_so(status: Status | None, reason: str) -> None:
    """503, naming it, for it may be ready later; another version is no answer to a rule."""
    catalogue = holding(version(1))
    if status is not None:
        catalogue.declare("flights", 2, status)
    catalogue.direct({"flights": Routing({1: 1}, rules=(BETA,))})
    with pytest.raises(NotReady, match=f"^flights/2 is not ready: {reason}$"):
        catalogue.route("flights", *ASKED)


def test_a_key_keeps_its_version() -> None:
    """Whatever the point."""
    catalogue = holding(version(1), version(2))
    catalogue.direct({"flights": Routing({1: 1, 2: 1}, Sticky("header", "x-user-id"))})
    for user, number in (("ann", 2), ("bob", 1)):
        for point in (0.1, 0.9):
            found = catalogue.route("flights", None, point, {"x-user-id": user})
            assert found[0] == Route(number, "split")


def test_a_routing_older_than_the_one_in_force_changes_nothing() -> None:
    """A replica that ends a long load of an earlier state does not undo a rollback that came meanwhile."""
    catalogue = holding(version(1), version(2))
    assert catalogue.revision("flights") == 0
    catalogue.direct({"flights": Routing({1: 1})}, 6)
    catalogue.direct({"flights": Routing({2: 1})}, 5)
    assert routed(catalogue) == Route(1, "stable")
    assert catalogue.revision("flights") == 6


def test_a_routing_awaits_what_it_newly_needs_and_is_not_ready() -> None:
    """What the routing in force needs as well is no reason to wait, nor is a model that was never directed."""
    catalogue = holding(version(1))
    wanted = Routing({1: 1, 2: 1, 3: 0}, rules=(rule("header", "h", ["v"], 4),))
    assert catalogue.awaits("flights", wanted) == set()
    catalogue.direct({"flights": Routing({1: 1})})
    assert catalogue.awaits("flights", wanted) == {2, 4}
    catalogue.put(version(2))
    assert catalogue.awaits("flights", wanted) == {4}
    catalogue.direct({"flights": wanted})
    catalogue.remove("flights", 2, "unloaded")
    assert catalogue.awaits("flights", Routing({2: 1})) == set()


def test_a_version_is_dark_from_its_first_moment() -> None:
    """A routing may be there before the versions are: none of them answers more than it should."""
    catalogue = Catalogue()
    catalogue.direct({"flights": Routing({1: 1, 2: 0})}, 3)
    catalogue.put(version(2))
    with pytest.raises(NotReady):
        routed(catalogue)
    catalogue.put(version(1))
    assert routed(catalogue) == Route(1, "stable")
