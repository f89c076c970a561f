"""The versions that a replica holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from gateway.batching import Result
from gateway.catalogue import Catalogue, Status
from gateway.errors import NotFound, NotReady
from gateway.manifest import Manifest
from gateway.query import Rows
from gateway.repository import signature_of
from gateway.routing import Route
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
    catalogue.weigh({"flights": {1: 90, 2: 10}})
    assert routed(catalogue, point=point) == Route(number, "split")
    assert [catalogue.share("flights", number) for number in (1, 2, 3)] == pytest.approx([0.9, 0.1, 0])


def test_a_version_that_is_not_ready_leaves_its_share_to_the_others() -> None:
    """Traffic is never sent where nobody answers, and comes back with the version."""
    catalogue = holding(version(1), version(2))
    catalogue.weigh({"flights": {1: 50, 2: 50}})
    catalogue.remove("flights", 2, "unloaded")
    assert routed(catalogue, point=0.9) == Route(1, "stable")
    catalogue.put(version(2))
    assert routed(catalogue, point=0.9) == Route(2, "split")


def test_a_model_with_no_weighted_version_ready_is_not_ready() -> None:
    """The reasons are told; versions without weight are not used in silence."""
    catalogue = holding(version(3))
    catalogue.declare("flights", 1, Status("LOADING"))
    catalogue.declare("flights", 2, Status("UNAVAILABLE", "flights/2: hash"))
    catalogue.weigh({"flights": {1: 1, 2: 1}})
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
