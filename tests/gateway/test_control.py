"""The actor that all replicas share, without Ray: what is in force after whatever happens to it."""

from __future__ import annotations

import asyncio
import errno
import pickle
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway import control as module
from gateway import secret
from gateway.config import Config, Limits, Listen, ModelConfig
from gateway.control import Control
from gateway.errors import GatewayError, NotReady
from gateway.observer.standing import Standing
from gateway.observer.trials import Asked
from gateway.rollout.evidence import Arm
from tests import onnx_models
from tests.gateway.rollout.building import arm

ROLLOUT = """
models:
  m:
    rollout: {stable: 1, candidate: 2, steps: [10, 50], bake: 1ms, min_samples: 100,
              gates: [{metric: error_rate, worse_by: 0.05}]}
"""


class Counting:
    """In the observer's place: gives the evidence that it is told to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Asked]] = []
        self.arm = Arm()

    async def evidence(self, asked: dict[str, Asked]) -> dict[str, Any]:
        """The same arm for both versions, in each stretch."""
        self.asked.append(asked)
        return {
            model: {version: [self.arm.export() for _ in each.starts] for version in each.versions}
            for model, each in asked.items()
        }

    async def tell(self, standing: Standing) -> None:
        """Keeps the newest."""
        self.standing = standing


class Site:
    """A control over a model of two versions, with replicas that report when they are told to."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for version in (1, 2):
            onnx_models.save(folder / "models", "m", version, onnx_models.scale())
        models = {"m": ModelConfig(traffic={1: 1})}
        self.config = Config(repository=folder / "models", data=folder / "data", models=models)
        self.followed: list[Config] = []
        self.observer = Counting()
        monkeypatch.setattr(module, "follow", self.followed.append)
        self.control = self.start()

    def start(self, boot: str = "one") -> Control:
        """The actor, as Ray starts it, again or for the first time."""
        made = Control(self.config, boot)
        made._observer = self.observer  # type: ignore[assignment]
        return made

    async def report(
        self,
        replica: str,
        ready: list[int],
        revision: int | None = None,
        held: Sequence[str] = ("m",),
        finish: bool = True,
    ) -> None:
        """A replica has applied a revision (None: the newest); then what is looked at is looked at, to the end or not."""
        if revision is None:
            revision = (await self.control.config())["revision"]
        self.control._looked_at = 0.0
        await self.control.sync(
            replica,
            {
                "revision": revision,
                "ready": dict.fromkeys(held, ready) if ready else {},
                "failures": {},
                "closed": False,
                "in_flight": 3,
                "load": 0.25,
                "statistics": {},
            },
        )
        for task in (self.control._looking, self.control._telling):
            if task is not None:
                await task
        for task in self.control._looks.values():
            if finish:
                await task

    async def standing(self) -> str:
        """Of the only rollout."""
        (told,) = await self.control.rollouts()
        return f"{told['phase']} at {told['percent']:g} %"

    def weights(self) -> dict[int, float] | None:
        """That are in force."""
        found = self.control._desired.routing["m"].weights
        return None if found is None else dict(found)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """One."""
    return Site(tmp_path, monkeypatch)


async def test_a_rollout_goes_from_nothing_to_everything(site: Site) -> None:
    """As its evidence says; then the observer is told to count no more, once."""
    await site.control.apply(ROLLOUT, "ann")
    assert site.weights() == {1: 100.0, 2: 0.0}
    site.observer.arm = arm(5000)
    for where in ("running at 10 %", "running at 50 %", "succeeded at 100 %"):
        await site.report("a", [1, 2])
        assert await site.standing() == where
    assert site.weights() == {1: 0.0, 2: 100.0}
    await site.report("a", [1, 2])
    await site.report("a", [1, 2])
    assert [len(asked) for asked in site.observer.asked] == [1, 1, 1, 0]


async def test_a_replica_that_starts_does_not_take_the_candidate_s_share_away(site: Site) -> None:
    """It gets no requests before it has applied what is desired; one that then lacks the candidate does."""
    await site.control.apply(ROLLOUT, "ann")
    await site.report("a", [1, 2])
    await site.report("b", [], revision=0)
    assert await site.standing() == "running at 10 %"
    await site.report("b", [1])
    assert await site.standing() == "pending at 0 %"


async def test_a_rollback_that_could_not_be_written_is_written_as_soon_as_it_can_be(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger had room for it, the routing had not: the candidate keeps its traffic until there is, and no longer."""
    await site.control.apply(ROLLOUT, "ann")
    await site.report("a", [1, 2])
    site.observer.arm = arm(5000, 5000)
    monkeypatch.setattr(site.observer, "evidence", _failing(site.observer))
    full = True

    def keep(path: Path, data: bytes) -> None:
        if full:
            raise OSError(errno.ENOSPC, "no space left on device")
        secret.keep(path, data)

    monkeypatch.setattr(module, "keep", keep)
    for _ in range(2):
        await site.report("a", [1, 2])
    assert await site.standing() == "rolled_back at 0 %"
    assert site.weights() == {1: 90.0, 2: 10.0}
    full = False
    await site.report("a", [1, 2])
    assert site.weights() == {1: 100.0, 2: 0.0}


async def test_a_prometheus_that_hangs_holds_up_its_own_rollout_only(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two models roll out at once, each looked at by itself."""
    for version in (1, 2):
        onnx_models.save(site.config.repository, "n", version, onnx_models.scale())
    site.config = site.config.model_copy(update={"models": None})
    site.control = site.start("two")
    gate = "{promql: up, url: 'http://127.0.0.1:9', below: 1}"
    slow = ROLLOUT.replace("{metric: error_rate, worse_by: 0.05}", gate)
    await site.control.apply(slow + ROLLOUT.replace("models:\n  m:", "  n:"), "ann")
    answer = threading.Event()

    def hanging(url: str, query: str) -> float | None:
        answer.wait()
        return 1.0

    monkeypatch.setattr(module, "ask", hanging)
    site.observer.arm = arm(5000)
    found: list[str] = []
    try:
        for _ in range(100):
            await site.report("a", [1, 2], held=("m", "n"), finish=False)
            found = [
                f"{told['model']} {told['phase']} at {told['percent']:g} %" for told in await site.control.rollouts()
            ]
            if found[1] == "n succeeded at 100 %":
                break
            await asyncio.sleep(0.02)
    finally:
        answer.set()
    assert found == ["m running at 10 %", "n succeeded at 100 %"]
    await site.report("a", [1, 2], held=("m", "n"))


async def test_the_observer_is_told_how_everything_stands(site: Site) -> None:
    """Replicas, load, who can answer with what, shares, rollouts and events; an observer that is away is no trouble."""
    await site.control.apply(ROLLOUT, "ann")
    site.observer.arm = arm(5000)
    await site.report("a", [1, 2])
    await site.report("b", [], revision=0)
    await site.control._tell()
    found = site.observer.standing
    assert found.replicas == {"serving": 1, "starting": 1, "unreachable": 0}
    assert (found.in_flight, found.limit, found.load) == (3, 1024, 0.25)
    assert found.ready == {("m", 1): 1, ("m", 2): 1}
    assert found.weights == {("m", 1): 0.5, ("m", 2): 0.5}
    assert found.revision == site.control._desired.revision
    assert [told["phase"] for told in found.rollouts] == ["running"]
    assert (found.events["m", "advance"], found.events["m", "fail"]) == (1, 0)

    async def away(standing: Standing) -> None:
        raise NotReady("the observer is being restarted")

    site.observer.tell = away  # type: ignore[method-assign]
    await site.report("a", [1, 2])
    assert site.observer.standing is found


async def test_a_ledger_that_cannot_be_written_leaves_everything_as_it_was(site: Site) -> None:
    """And the same edit can be made once it can."""
    site.control._steering._ledger._database.execute("PRAGMA busy_timeout = 0")
    blocker = sqlite3.connect(site.config.data / "state" / "rollouts.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    assert isinstance(await site.control.apply(ROLLOUT, "ann"), NotReady)
    assert await site.control.rollouts() == []
    blocker.execute("ROLLBACK")
    assert site.start()._config == site.config
    found = await site.control.apply(ROLLOUT, "ann")
    assert not isinstance(found, GatewayError)
    assert found["changed"]
    assert await site.standing() == "pending at 0 %"


@pytest.mark.parametrize("kind", ["_write", "adopt", "_put"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_in_the_midst_of_an_edit_it_has_made_all_of_it_or_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, kind: str, when: str
) -> None:
    """Configuration, routing and rollouts agree after the restart; a rollout that failed is not begun again."""
    await site.control.apply(ROLLOUT, "ann")
    await site.report("a", [1, 2])
    site.observer.arm = arm(5000, 5000)
    monkeypatch.setattr(site.observer, "evidence", _failing(site.observer))
    await site.report("a", [1, 2])
    assert await site.standing() == "rolled_back at 0 %"
    holder: Any = site.control._steering if kind == "adopt" else site.control
    whole = getattr(holder, kind)

    def killed(*values: Any) -> None:
        if when == "after":
            whole(*values)
        for name in ("_write", "_put"):  # nothing that comes after a death has an effect
            monkeypatch.setattr(site.control, name, lambda *_: None)
        raise asyncio.CancelledError

    monkeypatch.setattr(holder, kind, killed)
    with pytest.raises(asyncio.CancelledError):
        await site.control.apply("models: {m: {traffic: {1: 3, 2: 1}}}", "ann")
    site.control = site.start()
    made = site.weights() == {1: 3.0, 2: 1.0}
    assert (await site.control.config())["config"]["models"]["m"].get("traffic") == ({1: 3, 2: 1} if made else None)
    assert await site.standing() == ("superseded at 0 %" if made else "rolled_back at 0 %")
    assert made == ((kind, when) != ("_write", "before"))
    _, *told = [event for event in await site.control.history("m", 99) if event.what == "apply"]
    assert {(event.who, event.after) for event in told} == (
        {("ann", "version 1 75 %, version 2 25 %")} if made else set()
    )
    assert len({event.why for event in told}) == len(told)


def _failing(counting: Counting) -> Callable[..., Any]:
    whole = counting.evidence

    async def evidence(asked: dict[str, Asked]) -> dict[str, Any]:
        found = await whole(asked)
        for arms in found.values():
            arms[1] = [arm(5000).export() for _ in arms[1]]
        return found

    return evidence


async def test_shadows_are_told_of_the_configuration_until_they_were(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by the next actor, and though they could not be the first time."""
    await site.report("a", [1, 2])
    assert [config.models for config in site.followed] == [site.config.models]

    def refusing(config: Config) -> None:
        monkeypatch.setattr(module, "follow", site.followed.append)
        raise OSError("no room")

    monkeypatch.setattr(module, "follow", refusing)
    await site.control.apply("models: {m: {traffic: {1: 1}, shadow: [2]}}", "ann")
    asked = len(site.observer.asked)
    await site.control.apply(ROLLOUT, "ann")
    await site.control.apply(ROLLOUT.replace("rollout:", "shadow: [2]\n    rollout:"), "ann")
    await site.report("a", [1, 2])
    assert len(site.followed) == 1
    assert len(site.observer.asked) == asked + 1
    await site.report("a", [1, 2])
    await site.report("a", [1, 2])
    site.control = site.start()
    await site.report("a", [1, 2])
    assert [config.models["m"].shadow for config in site.followed if config.models] == [(), (2,), (2,)]


async def test_a_new_start_of_the_gateway_goes_on_with_the_rollout(site: Site) -> None:
    """From the beginning of its step, once both versions are ready again; an ended one stays as it ended."""
    site.config = site.config.model_copy(update={"models": None})
    await site.control.apply(ROLLOUT, "ann")
    site.config = site.control._config
    await site.report("a", [1, 2])
    site.control = site.start("two")
    assert await site.standing() == "pending at 0 %"
    await site.report("a", [1, 2])
    assert await site.standing() == "running at 10 %"
    await site.control.command("m", "promote", "ann", "")
    site.control = site.start("three")
    assert site.weights() == {1: 0.0, 2: 100.0}


async def test_every_change_is_told_of_its_model_with_who_and_from_where_to_where(site: Site) -> None:
    """Edits, loads and unloads; and what was edited while the gateway was down, when it starts again."""
    await site.control.apply("models: {m: {traffic: {1: 3, 2: 1}}}", "ann")
    await site.control.change("unload", "m", [2], "bob")
    await site.control.change("load", "m", [2], "cy")
    site.config = site.config.model_copy(update={"limits": Limits(max_in_flight=7)})
    site.control = site.start("two")
    site.control = site.start("two")
    found = [(each.who, each.what, each.before, each.after, each.why) for each in await site.control.history(None, 9)]
    shares = "version 1 100 %", "version 1 75 %, version 2 25 %"
    moved = "25 % of traffic goes from version {} to version {}"
    assert found == [
        ("ann", "apply", *shares, moved.format(1, 2)),
        ("bob", "unload", "in service: 1, 2", "in service: 1", ""),
        ("cy", "load", "in service: 1", "in service: 1, 2", ""),
        ("driftgate", "restart", "", "", "limits.max_in_flight: 7 instead of 1024"),
        ("driftgate", "restart", *reversed(shares), moved.format(2, 1) + ", which then has 100 %"),
    ]
    assert [event.model for event in await site.control.history("m", 9)] == ["m"] * 4


async def test_what_cannot_be_told_at_once_is_told_later(site: Site) -> None:
    """A ledger that somebody holds does not keep a version from being unloaded."""
    site.control._steering._ledger._database.execute("PRAGMA busy_timeout = 0")
    blocker = sqlite3.connect(site.config.data / "state" / "rollouts.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    await site.control.change("unload", "m", [2], "bob")
    assert await site.control.history(None, 9) == []
    blocker.execute("ROLLBACK")
    await site.report("a", [1])
    assert [(event.who, event.what) for event in await site.control.history(None, 9)] == [("bob", "unload")]


async def test_what_was_not_told_before_a_stop_is_told_after_it(site: Site) -> None:
    """Also where a file that was never whole lies beside."""
    site.control._steering._ledger._database.execute("PRAGMA busy_timeout = 0")
    blocker = sqlite3.connect(site.config.data / "state" / "rollouts.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    await site.control.change("unload", "m", [2], "bob")
    blocker.execute("ROLLBACK")
    (site.config.data / "state" / "desired-one.draft").write_bytes(b"half")
    site.control = site.start("two")
    assert [(event.who, event.what) for event in await site.control.history(None, 9)] == [("bob", "unload")]


async def test_an_actor_that_finds_no_room_begins_all_the_same(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would start it a third time."""
    await site.control.apply(ROLLOUT, "ann")
    await site.report("a", [1, 2])

    def keep(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(module, "keep", keep)
    site.control._steering.command("m", "abort", "ann", "")
    site.control = site.start()
    assert site.weights() == {1: 90.0, 2: 10.0}
    monkeypatch.setattr(module, "keep", secret.keep)
    await site.report("a", [1, 2])
    assert site.weights() == {1: 100.0, 2: 0.0}


@pytest.mark.parametrize("left", [b"what is this", pickle.dumps(module.Kept(Listen(), None))])  # type: ignore[arg-type]
async def test_what_another_driftgate_left_is_no_obstacle(site: Site, left: bytes) -> None:
    """Its state cannot be read, or is of another form: the gateway begins with its configuration."""
    (site.config.data / "state" / "desired-one.pickle").write_bytes(left)
    site.control = site.start("two")
    assert await site.control.history(None, 9) == []
    assert [path.name for path in (site.config.data / "state").glob("desired-*")] == ["desired-two.pickle"]


async def test_files_that_change_under_a_version_that_answers_wait_for_a_load(site: Site) -> None:
    """An edit of the model brings in what was checked for it, and nothing else."""
    stamps = {number: folder.stamp for number, folder in site.control._desired.models["m"].items()}
    for version in (1, 2):
        (site.config.repository / "m" / str(version) / "notes.txt").write_text("changed")
    await site.control.apply(ROLLOUT, "ann")
    found = {number: folder.stamp for number, folder in site.control._desired.models["m"].items()}
    assert found[1] == stamps[1]
    assert found[2] != stamps[2]


async def test_stable_keeps_its_processes_while_a_rollout_is_under_way(site: Site) -> None:
    """Those of a version that has processes of its own, until the rollout has ended; also after the actor's death."""
    models = {"m": ModelConfig(traffic={1: 1}, placement="dedicated")}
    site.config = site.config.model_copy(update={"models": models})
    folder = site.config.data / "state" / "held"
    site.control = site.start("two")
    await site.control.apply(ROLLOUT.replace("    rollout:", "    placement: dedicated\n    rollout:"), "ann")
    await site.report("a", [1, 2])
    assert [path.name for path in folder.iterdir()] == ["m-1"]
    site.control = site.start("two")
    await site.control.command("m", "abort", "ann", "")
    await site.report("a", [1, 2])
    assert list(folder.iterdir()) == []
