"""What all replicas share: an actor that holds the desired state, and who has applied it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ray
from ray.exceptions import RayError

from gateway import desired as transitions
from gateway import planning
from gateway.capacity import deployment_name, hold
from gateway.config import Autoscale, Config, ModelConfig
from gateway.desired import Desired
from gateway.errors import GatewayError, NotReady
from gateway.log import open_log
from gateway.observer.asking import Asking
from gateway.observer.trials import Asked
from gateway.overview import standing
from gateway.prometheus import ask
from gateway.rollout.ledger import Ledger
from gateway.rollout.machine import ITSELF, Event
from gateway.roster import GONE_S, Report, Roster
from gateway.secret import keep
from gateway.shadow.actor import follow
from gateway.statistics import Counts
from gateway.steering import Steering, arms
from gateway.validation import Known, Prepared, prepared, validate

logger = logging.getLogger("driftgate")

NAME, NAMESPACE = "driftgate-control", "driftgate"
_LOOK_S, _PATIENCE_S = 0.5, 5.0


Work = Callable[[], Coroutine[Any, Any, None]]


class News(NamedTuple):
    """What a replica is told: the desired state if it has another, and whether the gateway is stopping."""

    desired: Desired | None
    closing: bool


class Kept(NamedTuple):
    """What survives the actor's death: the configuration in force, what follows from it, and events that no history has yet."""

    config: Config
    desired: Desired
    untold: tuple[Event, ...] = ()


class Control:
    """The actor. Its state survives its own death: it is written to `data/state` before a change is told to anyone."""

    def __init__(self, config: Config, boot: str) -> None:
        open_log(config.data, config.log.format, config.log.level)
        self._file = config.data / "state" / f"desired-{boot}.pickle"
        restored: Kept | None = (
            pickle.loads(self._file.read_bytes()) if self._file.exists() else None
        )  # our own, mode 0600
        kept = restored or _begun(config, self._file.parent)
        self._config, self._desired, self._untold = kept
        self._steering = Steering(Ledger(config.data / "state" / "rollouts.sqlite"), time.time_ns)
        self._steering.adopt(self._config, self._untold[-1].who if restored and self._untold else ITSELF)
        if restored is None:
            self._steering.interrupt()
            self._put(self._steered(self._desired))
            for stale in set(self._file.parent.glob("desired-*")) - {self._file}:
                stale.unlink()
        else:
            with contextlib.suppress(OSError):  # no room just now: every look tries again
                self._direct()
        self._note()
        self._observer = Asking()
        self._counting = True  # as far as we know: whoever was here before may have had the observer count
        self._shadowed: Config | None = None
        self._held: set[str] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._telling: asyncio.Task[None] | None = None
        self._looked_at = 0.0
        self._applying = asyncio.Lock()
        self._known_at = time.monotonic() + (GONE_S if restored else 0.0)  # by then every living replica has reported
        wanted = config.replicas.min if isinstance(config.replicas, Autoscale) else config.replicas
        self._roster = Roster(wanted, complete=restored is not None)
        self._changed = asyncio.Condition()
        self._closing = False

    async def sync(self, replica: str, report: Report) -> News:
        """Takes a replica's report; gives the desired state if it is not the one that the replica has."""
        moved = self._roster.note(replica, report)
        if time.monotonic() - self._looked_at > _LOOK_S:
            self._looked_at = time.monotonic()
            self._looking = _once_more(self._looking, self._look)
            self._telling = _once_more(self._telling, lambda: _guarded("telling the observer", self._tell()))
        if moved:
            async with self._changed:
                self._changed.notify_all()
        return News(None if report["revision"] == self._desired.revision else self._desired, self._closing)

    async def close(self) -> None:
        """Has every replica refuse new requests."""
        self._closing = True

    async def idle(self) -> bool:
        """Whether every replica has closed, and has answered what was under way."""
        return self._closing and all(
            report["closed"] and not report["in_flight"] for report in self._roster.living().values()
        )

    async def change(self, what: str, model: str, versions: list[int] | None, who: str) -> GatewayError | int:
        """Loads or unloads; gives the new revision, or why not."""
        try:
            if what == "load":
                changed = transitions.load(self._desired, self._config, model, versions)
            else:
                changed = transitions.unload(self._desired, model, versions)
        except GatewayError as problem:
            return problem
        before, after = (_in_service(desired, model) for desired in (self._desired, changed))
        self._put(changed, Event(time.time_ns(), model, who, what, before, after, ""))
        self._note()
        return changed.revision

    async def config(self) -> dict[str, Any]:
        """The configuration in force."""
        return {"revision": self._desired.revision, "config": planning.plain(self._config)}

    async def plan(self, text: str) -> GatewayError | dict[str, Any]:
        """What an edit of the configuration would change, or why it cannot be made."""
        try:
            after, changes, _ = await self._checked(text)
        except GatewayError as problem:
            return problem
        return {"changes": list(map(str, changes)), "diff": planning.diff(self._config, after)}

    async def apply(self, text: str, who: str) -> GatewayError | dict[str, Any]:
        """Puts an edit of the configuration into force, all of it or nothing; one that changes nothing has no effect."""
        async with self._applying:
            try:
                after, changes, checked = await self._checked(text)
                if changes:
                    self._adopt(after, checked, who, _events(changes, who, "apply"))
            except GatewayError as problem:
                return problem
        return {
            "revision": self._desired.revision,
            "changes": list(map(str, changes)),
            "changed": bool(changes),
        }

    def _adopt(self, after: Config, checked: set[str], who: str, told: Sequence[Event]) -> None:
        """Puts an edit into force. Once it is written here, who is killed before the rollouts know of it tells them next."""
        before = Kept(self._config, self._desired, self._untold)
        edited = planning.edited(self._config, after, self._desired.models)
        desired = transitions.reconfigured(self._desired, after, edited, checked)
        self._write(Kept(after, desired, (*self._untold, *told)))
        try:
            self._steering.adopt(after, who, told)
        except BaseException:
            self._write(before)
            raise
        self._config = after
        self._put(self._steered(desired))

    async def command(self, model: str, what: str, who: str, why: str) -> GatewayError | str:
        """Pauses, resumes, promotes, approves or aborts a rollout; says where it is then, or why not."""
        try:
            where = self._steering.command(model, what, who, why)
            self._direct()
        except GatewayError as problem:
            return problem
        return where

    async def rollouts(self) -> list[dict[str, Any]]:
        """Every rollout: where it is, what its gates say, and what it waits for."""
        return self._steering.told()

    async def history(self, model: str | None, most: int) -> list[Event]:
        """The newest changes, of one model or of all."""
        return self._steering.history(model, most)

    async def settled(self, revision: int, timeout_s: float) -> dict[str, str] | None:
        """Waits until every living replica has applied `revision`; gives their failures, or None if it took too long."""
        end = time.monotonic() + timeout_s
        async with self._changed:
            while time.monotonic() < self._known_at or any(
                report["revision"] < revision for report in self._roster.living().values()
            ):
                if time.monotonic() > end:
                    return None
                try:
                    await asyncio.wait_for(self._changed.wait(), 0.5)
                except TimeoutError:
                    continue
        living = self._roster.living().values()
        return {label: reason for report in living for label, reason in report["failures"].items()}

    async def overview(self) -> dict[str, Any]:
        """The revision, and each living replica's last report."""
        return {"revision": self._desired.revision, "replicas": self._roster.living()}

    async def totals(self) -> Counts:
        """Statistics by model and version, over all replicas, those that are gone included."""
        return self._roster.totals()

    async def _tell(self) -> None:
        """Has the observer know how everything stands. It may be dead for a while: then nobody is told."""
        told = standing(self._config, self._desired, self._roster, self._steering)
        with contextlib.suppress(NotReady, TimeoutError):
            await asyncio.wait_for(self._observer.tell(told), _PATIENCE_S)

    async def _look(self) -> None:
        """Has the shadows follow the configuration, and every rollout looked at; none waits for another's trouble."""
        await _guarded("putting the shares into force", self._again())
        await _guarded("having the shadows follow", self._follow())
        asked = self._steering.asked()
        if (asked or self._counting) and self._roster.serving():
            evidence = await self._evidence(asked)
            self._counting = bool(asked) or evidence is None
            self._looks |= {model: self._look_of(model, each, evidence) for model, each in asked.items()}

    async def _again(self) -> None:
        """What could not be written when it was decided, such as on a full disk, is written as soon as it can be."""
        self._direct()
        self._note()
        self._hold()

    def _hold(self) -> None:
        """Has the stable version of every rollout keep its processes: it may have to take all traffic back at any moment."""
        wanted = {
            deployment_name(model, asked.versions[0])
            for model, asked in self._steering.asked().items()
            if (self._config.settings(model) or ModelConfig()).placement == "dedicated"
        }
        if wanted != self._held:
            hold(self._config.data, wanted)
            self._held = wanted

    def _look_of(self, model: str, asked: Asked, evidence: dict[str, Any] | None) -> asyncio.Task[None]:
        what = f"looking at the rollout of {model}"
        return _once_more(self._looks.get(model), lambda: _guarded(what, self._look_at(model, asked, evidence)))

    async def _follow(self) -> None:
        config = self._config
        if self._shadowed is not config:
            await asyncio.to_thread(follow, config)
            self._shadowed = config

    async def _look_at(self, model: str, asked: Asked, evidence: dict[str, Any] | None) -> None:
        found = arms(evidence[model], asked.versions) if evidence else None
        await asyncio.to_thread(self._steering.look, model, asked, found, self._roster.ready(model), ask)
        self._direct()

    async def _evidence(self, asked: dict[str, Asked]) -> dict[str, Any] | None:
        try:
            return await asyncio.wait_for(self._observer.evidence(asked), _PATIENCE_S)
        except (NotReady, TimeoutError) as problem:
            logger.warning("the observer does not answer (%s): rollouts stay where they are", type(problem).__name__)
            return None

    async def _checked(self, text: str) -> tuple[Config, list[planning.Change], set[str]]:
        """An edit of the configuration that can be made, what it changes, and the versions that were checked for it.

        Raises GatewayError.
        """
        found: Prepared = {}
        before, held = self._config, self._desired.models
        after = await asyncio.to_thread(planning.read, text, before)
        changes = planning.changes(before, after, held)
        if changes:
            found = await asyncio.to_thread(prepared, before, after, held)
            validate(before, after, found)
        return after, changes, {label for label, known in found.items() if isinstance(known, Known) and known.anew}

    def _direct(self) -> None:
        """Brings the routing to what the rollouts want."""
        desired = self._steered(self._desired)
        if desired is not self._desired:
            self._put(desired)

    def _steered(self, desired: Desired) -> Desired:
        for model, weights in self._steering.routed().items():
            if model in desired.models:
                desired = transitions.with_weights(desired, model, weights)
        return desired

    def _put(self, desired: Desired, *told: Event) -> None:
        """The desired state from now on, and what led to it; on the disk before anyone is told."""
        untold = (*self._untold, *told)
        self._write(Kept(self._config, desired, untold))
        self._desired, self._untold = desired, untold

    def _note(self) -> None:
        """Has the history know of what happened; if it cannot be written just now, at the next look."""
        try:
            if self._untold:
                self._steering.note(self._untold)
            self._untold = ()
        except NotReady as problem:
            logger.warning("%s: what changed is told later", problem.message)

    def _write(self, state: Kept) -> None:
        keep(self._file, pickle.dumps(state))


def _begun(config: Config, folder: Path) -> Kept:
    """At a new start of the gateway: what the configuration asks for, and what of it was otherwise when it last ran."""
    desired = transitions.initial(config, revision=1)
    return Kept(config, desired, _since(folder, config, desired))


def _since(folder: Path, config: Config, desired: Desired) -> tuple[Event, ...]:
    """What has changed since the gateway last ran on this folder, after what it had not told by then."""
    files = sorted(folder.glob("desired-*.pickle"), key=lambda path: path.stat().st_mtime_ns)
    for path in files[-1:]:
        try:
            before: Kept = pickle.loads(path.read_bytes())  # our own, mode 0600
            other = [planning.Change("", words) for words in planning.restarts(before.config, config)]
            changes = [*other, *planning.directed(before.config, config, desired.models)]
            return (*before.untold, *_events(changes, ITSELF, "restart"))
        except Exception as problem:
            logger.warning("%s was written by another driftgate (%s): the history begins after it", path, problem)
    return ()


def _events(changes: Sequence[planning.Change], who: str, what: str) -> tuple[Event, ...]:
    now = time.time_ns()
    return tuple(Event(now, each.model, who, what, each.before, each.after, each.words) for each in changes)


def _in_service(desired: Desired, model: str) -> str:
    held = ", ".join(map(str, desired.loaded(model)))
    return f"in service: {held or 'none'}"


def _once_more(task: asyncio.Task[None] | None, work: Work) -> asyncio.Task[None]:
    """The task if it is still at work, else another."""
    return task if task is not None and not task.done() else asyncio.get_running_loop().create_task(work())


async def _guarded(what: str, work: Awaitable[None]) -> None:
    try:
        await work
    except Exception:
        logger.exception("%s failed in a way that is not foreseen; trying again", what)


def start_control(config: Config, boot: str) -> Any:
    """Creates the actor, and does not wait for it; Ray restarts it if it dies. boot: names this run of the gateway."""
    actor: Any = ray.remote(Control)
    return actor.options(
        name=NAME, namespace=NAMESPACE, num_cpus=0, max_restarts=-1, max_task_retries=3, lifetime="detached"
    ).remote(config, boot)


def finish(patience_s: float) -> None:
    """Has all replicas refuse new requests, and returns when those under way are answered, or after `patience_s`."""
    with contextlib.suppress(ValueError, RayError):  # no actor: nothing was started, or it is gone
        actor: Any = ray.get_actor(NAME, NAMESPACE)
        ray.get(actor.close.remote(), timeout=patience_s)
        end = time.monotonic() + patience_s
        while not ray.get(actor.idle.remote(), timeout=patience_s) and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.1)  # what was answered last is on its way through HAProxy
