"""A replica brought to what is desired."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.catalogue import Catalogue
from gateway.config import Config, Limits, ModelConfig
from gateway.desired import initial, load, unload, with_routing, with_weights
from gateway.errors import NotFound, NotReady, RepositoryError
from gateway.reconcile import Reconciler, refusal
from gateway.repository import Folder
from gateway.routing import Routing
from gateway.rules import rule
from gateway.stickiness import Sticky
from gateway.version import Version, prepare
from tests import onnx_models


class Replica:
    """A catalogue and its reconciler, over a repository with scale/1 and scale/2."""

    def __init__(self, root: Path) -> None:
        for number in (1, 2):
            onnx_models.save(root, "scale", number, onnx_models.scale(number))
        self.config = Config(repository=root, data=root)
        self.catalogue = Catalogue()
        self.prepared: list[str] = []
        self.reconciler = Reconciler(self.catalogue, self.config, self.prepare)
        self.desired = initial(self.config, 1)

    def prepare(self, folder: Folder, settings: ModelConfig, limits: Limits) -> Version:
        """Prepares, and notes it."""
        self.prepared.append(folder.label)
        return prepare(folder, settings, limits)

    async def load(self, versions: list[int] | None = None) -> None:
        """Loads from the repository as it is now."""
        self.desired = load(self.desired, self.config, "scale", versions)
        await self.reconciler.apply(self.desired)

    async def unload(self, versions: list[int] | None = None) -> None:
        """Unloads."""
        self.desired = unload(self.desired, "scale", versions)
        await self.reconciler.apply(self.desired)

    async def factor(self, number: int) -> float:
        """What a version makes of 1."""
        _, _, version = self.catalogue.route("scale", number, 0)
        result = await version.runner.run({"x": np.ones((1, 2), np.float32)}, 1, None, None, None)
        return float(result.outputs["y"][0, 0])  # type: ignore[arg-type]

    def states(self) -> dict[int, str]:
        """The state of each version."""
        return {number: entry.status.state for number, entry in self.catalogue.entries().get("scale", {}).items()}


@pytest.fixture
async def replica(tmp_path: Path) -> Replica:
    """One that has applied the first revision."""
    replica = Replica(tmp_path)
    await replica.reconciler.apply(replica.desired)
    return replica


async def test_everything_desired_is_in_service_afterwards(replica: Replica) -> None:
    """And the revision is noted."""
    assert [await replica.factor(number) for number in (1, 2)] == [1, 2]
    assert (replica.reconciler.revision, replica.reconciler.failures) == (1, {})


async def test_applying_again_loads_nothing(replica: Replica) -> None:
    """What is in service, and whose files are the same, stays."""
    await replica.reconciler.apply(replica.desired)
    await replica.load()
    assert sorted(replica.prepared) == ["scale/1", "scale/2"]


async def test_changed_files_are_loaded_in_place_of_the_old(replica: Replica) -> None:
    """Only the version that changed."""
    onnx_models.save(replica.config.repository, "scale", 2, onnx_models.scale(5))
    await replica.load()
    assert [await replica.factor(number) for number in (1, 2)] == [1, 5]
    assert sorted(replica.prepared) == ["scale/1", "scale/2", "scale/2"]


async def test_unloaded_versions_answer_no_more_until_loaded(replica: Replica) -> None:
    """They are known, and say that they were unloaded."""
    await replica.unload([2])
    with pytest.raises(NotReady, match=r"^scale/2 is not ready: unloaded$"):
        await replica.factor(2)
    assert replica.catalogue.route("scale", None, 0)[0].version == 1
    await replica.load([2])
    assert await replica.factor(2) == 2


async def test_a_version_gone_from_the_repository_is_forgotten(replica: Replica) -> None:
    """After a load has looked."""
    path = replica.config.repository / "scale" / "2"
    (path / "model.onnx").unlink()
    path.rmdir()
    await replica.load()
    with pytest.raises(NotFound):
        await replica.factor(2)


async def test_a_version_that_fails_its_checks_does_not_stop_the_others(tmp_path: Path) -> None:
    """It is unavailable, and says why."""
    replica = Replica(tmp_path)
    (tmp_path / "scale" / "1" / "model.onnx").write_bytes(b"broken")
    await replica.reconciler.apply(replica.desired)
    assert replica.states() == {1: "UNAVAILABLE", 2: "READY"}
    assert list(replica.reconciler.failures) == ["scale/1"]
    failed = refusal(replica.reconciler.failures, "scale")
    assert isinstance(failed, RepositoryError)
    assert "ONNX Runtime cannot load" in failed.message
    assert refusal(replica.reconciler.failures, "other") is None
    assert refusal(replica.reconciler.failures, "scale", [1]) is not None
    assert refusal(replica.reconciler.failures, "scale", [2]) is None
    with pytest.raises(NotReady, match="ONNX Runtime cannot load"):
        await replica.factor(1)


async def test_what_failed_is_tried_again_only_when_told_to_load(tmp_path: Path) -> None:
    """A broken version is not loaded over and over with each revision; a load tries it, and mends the state."""
    replica = Replica(tmp_path)
    (tmp_path / "scale" / "1" / "model.onnx").write_bytes(b"broken")
    await replica.reconciler.apply(replica.desired)
    await replica.unload([2])
    assert replica.prepared.count("scale/1") == 1
    await replica.load([1])
    await replica.unload([2])
    assert replica.prepared.count("scale/1") == 2
    onnx_models.save(tmp_path, "scale", 1, onnx_models.scale(7))
    await replica.load([1])
    assert await replica.factor(1) == 7
    assert replica.reconciler.failures == {}


async def test_broken_new_files_leave_the_old_version_serving(replica: Replica) -> None:
    """The state says so."""
    (replica.config.repository / "scale" / "2" / "model.onnx").write_bytes(b"broken")
    await replica.load()
    assert await replica.factor(2) == 2
    status = replica.catalogue.entries()["scale"][2].status
    assert status.state == "READY"
    assert status.reason.startswith("the version loaded before goes on serving; its new files were refused: scale/2: ")


async def test_an_unforeseen_failure_is_a_failure_of_that_version(tmp_path: Path) -> None:
    """Others are loaded; the reason carries no more than the error's name."""
    replica = Replica(tmp_path)

    def prepared(folder: Folder, settings: ModelConfig, limits: Limits) -> Version:
        if folder.version == 1:
            raise KeyError("secret")
        return prepare(folder, settings, limits)

    reconciler = Reconciler(replica.catalogue, replica.config, prepared)
    await reconciler.apply(replica.desired)
    assert replica.states() == {1: "UNAVAILABLE", 2: "READY"}
    assert reconciler.failures == {"scale/1": "scale/1: KeyError"}


async def test_requests_are_answered_while_a_version_loads(replica: Replica) -> None:
    """Loading happens in a thread; the old version serves until the new one is whole, and its state says that it loads."""
    began, go = threading.Event(), threading.Event()

    def prepared(folder: Folder, settings: ModelConfig, limits: Limits) -> Version:
        began.set()
        assert go.wait(10)
        return prepare(folder, settings, limits)

    replica.reconciler._prepare = prepared
    onnx_models.save(replica.config.repository, "scale", 2, onnx_models.scale(5))
    onnx_models.save(replica.config.repository, "scale", 3, onnx_models.scale(3))
    loading = asyncio.create_task(replica.load())
    try:
        assert await asyncio.to_thread(began.wait, 10)
        assert await replica.factor(2) == 2
        assert replica.states() == {1: "READY", 2: "READY", 3: "LOADING"}
        assert replica.catalogue.entries()["scale"][2].status.reason == "its new files are loading"
    finally:
        go.set()
    await loading
    assert await replica.factor(2) == 5
    assert replica.states() == {1: "READY", 2: "READY", 3: "READY"}


async def test_weights_are_applied_once_the_versions_are_there(tmp_path: Path) -> None:
    """Traffic follows the configuration."""
    replica = Replica(tmp_path)
    config: Any = replica.config.model_copy(update={"models": {"scale": ModelConfig(traffic={1: 3, 2: 1})}})
    reconciler = Reconciler(replica.catalogue, config, prepare)
    await reconciler.apply(initial(config, 1))
    assert [replica.catalogue.share("scale", number) for number in (1, 2)] == [0.75, 0.25]


async def test_what_waits_for_no_version_is_routed_at_once(replica: Replica) -> None:
    """A rollback does not wait until another version is loaded, and the load that ends later does not undo it."""
    replica.desired = with_weights(replica.desired, "scale", {1: 1, 2: 1})
    await replica.reconciler.apply(replica.desired)
    began, go = threading.Event(), threading.Event()

    def prepared(folder: Folder, settings: ModelConfig, limits: Limits) -> Version:
        began.set()
        assert go.wait(10)
        return prepare(folder, settings, limits)

    replica.reconciler._prepare = prepared
    onnx_models.save(replica.config.repository, "scale", 3, onnx_models.scale(3))
    grown = with_weights(load(replica.desired, replica.config, "scale", [3]), "scale", {1: 1, 2: 1, 3: 2})
    back = with_weights(grown, "scale", {1: 1, 2: 0})
    loading = asyncio.create_task(replica.reconciler.apply(grown))
    try:
        assert await asyncio.to_thread(began.wait, 10)
        assert replica.catalogue.share("scale", 1) == 0.5
        assert replica.catalogue.revision("scale") == 2
        replica.reconciler.direct(back)
        assert replica.catalogue.share("scale", 1) == 1
    finally:
        go.set()
    await loading
    assert replica.states() == {1: "READY", 2: "READY", 3: "READY"}
    assert (replica.catalogue.share("scale", 1), replica.catalogue.revision("scale")) == (1, back.revision)


async def test_a_version_that_has_not_the_sticky_input_is_refused(tmp_path: Path) -> None:
    """Its keys would be nobody's; the message says what is missing."""
    replica = Replica(tmp_path)
    sticky = with_routing(replica.desired, "scale", Routing(sticky=Sticky("field", "user")))
    await replica.reconciler.apply(sticky)
    assert replica.reconciler.failures == {
        f"scale/{number}": f"scale/{number}: sticky: field:user, but it has no such input; it takes x"
        for number in (1, 2)
    }
    with pytest.raises(NotReady, match="no such input"):
        await replica.factor(1)


async def test_a_version_that_only_shadows_is_not_loaded(tmp_path: Path) -> None:
    """It is listed, and says why; it is loaded as soon as some request may be sent to it, and let go of after that."""
    replica = Replica(tmp_path)
    only = Routing({1: 1.0}, shadow=(2,))
    replica.desired = replica.desired._replace(routing={"scale": only})
    await replica.reconciler.apply(replica.desired)
    assert replica.prepared == ["scale/1"]
    assert replica.states() == {1: "READY", 2: "UNAVAILABLE"}
    with pytest.raises(NotReady, match="scale/2 is not ready: it only shadows"):
        replica.catalogue.route("scale", 2, 0)
    for routing in (only._replace(weights={1: 1.0, 2: 0.0}), only._replace(rules=(rule("header", "x", ["y"], 2),))):
        replica.desired = with_routing(replica.desired, "scale", routing)
        await replica.reconciler.apply(replica.desired)
        assert replica.states() == {1: "READY", 2: "READY"}
        replica.desired = with_routing(replica.desired, "scale", only)
        await replica.reconciler.apply(replica.desired)
        assert replica.states() == {1: "READY", 2: "UNAVAILABLE"}
    assert Routing(shadow=(2,)).silent() == set()
