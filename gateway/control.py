"""What all replicas share: an actor that holds the desired state, and who has applied it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import time
from pathlib import Path
from typing import Any, NamedTuple

import ray
from ray.exceptions import RayError

from gateway import desired as transitions
from gateway import planning
from gateway.config import Config
from gateway.desired import Desired
from gateway.errors import GatewayError
from gateway.observer.actor import NAME as OBSERVER
from gateway.observer.trials import Asked
from gateway.prometheus import ask
from gateway.rollout.ledger import Ledger
from gateway.rollout.machine import ITSELF, Event
from gateway.shadow.actor import follow
from gateway.statistics import Statistics
from gateway.steering import Steering, arms
from gateway.validation import prepared, validate

logger = logging.getLogger("driftgate")

NAME, NAMESPACE = "driftgate-control", "driftgate"
_LOOK_S, _PATIENCE_S = 0.5, 5.0
GONE_S, BURIED_S = 3.0, 60.0
"""A replica that has not reported for so long is not waited for; for so long, it will not come back."""


Counts = dict[tuple[str, int], dict[str, Any]]
"""Exported statistics by model and version."""


class News(NamedTuple):
    """What a replica is told: the desired state if it has another, and whether the gateway is stopping."""

    desired: Desired | None
    closing: bool


class Kept(NamedTuple):
    """What survives the actor's death: the configuration in force, and what follows from it."""

    config: Config
    desired: Desired


class Control:
    """The actor. Its state survives its own death: it is written to `data/state` before a change is told to anyone."""

    def __init__(self, config: Config, boot: str) -> None:
        self._file = config.data / "state" / f"desired-{boot}.pickle"
        restored = self._restored()
        self._config, self._desired = restored or Kept(config, transitions.initial(config, revision=1))
        self._steering = Steering(Ledger(config.data / "state" / "rollouts.sqlite"), time.time_ns)
        self._steering.adopt(self._config, ITSELF)
        self._direct()
        self._observer: Any = None
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = 0.0
        self._applying = asyncio.Lock()
        self._known_at = time.monotonic() + (GONE_S if restored else 0.0)  # by then every living replica has reported
        self._reports: dict[str, tuple[float, dict[str, Any]]] = {}
        self._departed: Counts = {}
        self._changed = asyncio.Condition()
        self._closing = False

    async def sync(self, replica: str, report: dict[str, Any]) -> News:
        """Takes a replica's report; gives the desired state if it is not the one that the replica has."""
        moved = self._reports.get(replica, (0.0, {"revision": -1}))[1]["revision"] != report["revision"]
        self._reports[replica] = (time.monotonic(), report)
        self._bury()
        if time.monotonic() - self._looked_at > _LOOK_S and (self._looking is None or self._looking.done()):
            self._looked_at = time.monotonic()
            self._looking = asyncio.get_running_loop().create_task(self._look())
        if moved:
            async with self._changed:
                self._changed.notify_all()
        return News(None if report["revision"] == self._desired.revision else self._desired, self._closing)

    async def close(self) -> None:
        """Has every replica refuse new requests."""
        self._closing = True

    async def idle(self) -> bool:
        """Whether every replica has closed, and has answered what was under way."""
        return self._closing and all(report["closed"] and not report["in_flight"] for report in self._living().values())

    async def change(self, what: str, model: str, versions: list[int] | None) -> GatewayError | int:
        """Loads or unloads; gives the new revision, or why not."""
        try:
            if what == "load":
                changed = transitions.load(self._desired, self._config, model, versions)
            else:
                changed = transitions.unload(self._desired, model, versions)
        except GatewayError as problem:
            return problem
        self._put(changed)
        return changed.revision

    async def config(self) -> dict[str, Any]:
        """The configuration in force."""
        return {"revision": self._desired.revision, "config": planning.plain(self._config)}

    async def plan(self, text: str) -> GatewayError | dict[str, Any]:
        """What an edit of the configuration would change, or why it cannot be made."""
        try:
            after, words = await self._checked(text)
        except GatewayError as problem:
            return problem
        return {"changes": words, "diff": planning.diff(self._config, after)}

    async def apply(self, text: str, who: str) -> GatewayError | dict[str, Any]:
        """Puts an edit of the configuration into force, all of it or nothing; one that changes nothing has no effect."""
        async with self._applying:
            try:
                after, words = await self._checked(text)
                if words:
                    edited = planning.edited(self._config, after, self._desired.models)
                    self._config, desired = after, transitions.reconfigured(self._desired, after, edited)
                    self._steering.adopt(after, who, words)
                    self._put(self._steered(desired))
                    follow(after)
            except GatewayError as problem:
                return problem
        return {"revision": self._desired.revision, "changes": words, "changed": bool(words)}

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
                report["revision"] < revision for report in self._living().values()
            ):
                if time.monotonic() > end:
                    return None
                try:
                    await asyncio.wait_for(self._changed.wait(), 0.5)
                except TimeoutError:
                    continue
        return {label: reason for report in self._living().values() for label, reason in report["failures"].items()}

    async def overview(self) -> dict[str, Any]:
        """The revision, and each living replica's last report."""
        return {"revision": self._desired.revision, "replicas": self._living()}

    async def totals(self) -> Counts:
        """Statistics by model and version, over all replicas, those that are gone included."""
        sums: dict[tuple[str, int], Statistics] = {}
        for counts in (self._departed, *(report["statistics"] for _, report in self._reports.values())):
            _add(sums, counts)
        return {key: statistics.export() for key, statistics in sums.items()}

    async def _look(self) -> None:
        """Has every rollout looked at: asks the observer for evidence, and directs traffic as the machine says."""
        asked = self._steering.asked()
        if not asked or not self._living():
            return
        try:
            evidence = await self._evidence(asked)
            for model, each in asked.items():
                found = arms(evidence[model], each.versions) if evidence else None
                await asyncio.to_thread(self._steering.look, model, found, self._ready(model), ask)
            self._direct()
        except Exception:
            logger.exception("looking at the rollouts failed in a way that is not foreseen; trying again")

    async def _evidence(self, asked: dict[str, Asked]) -> dict[str, Any] | None:
        """What the observer has counted; None while it does not answer."""
        try:
            self._observer = self._observer or ray.get_actor(OBSERVER, NAMESPACE)
            return await asyncio.wait_for(self._observer.evidence.remote(asked), _PATIENCE_S)
        except (RayError, ValueError, TimeoutError) as problem:
            logger.warning("the observer does not answer (%s): rollouts stay where they are", type(problem).__name__)
            return None

    def _ready(self, model: str) -> set[int]:
        """The versions that every living replica can answer with."""
        held = [set(report["ready"].get(model, ())) for report in self._living().values()]
        return set.intersection(*held) if held else set()

    async def _checked(self, text: str) -> tuple[Config, list[str]]:
        """An edit of the configuration that can be made, and what it changes, in words. Raises GatewayError."""
        after = planning.read(text, self._config)
        words = [str(change) for change in planning.changes(self._config, after, self._desired.models)]
        if words:
            found = await asyncio.to_thread(prepared, self._config, after, self._desired.models)
            validate(self._config, after, found)
        return after, words

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

    def _put(self, desired: Desired) -> None:
        """The desired state from now on; on the disk before anyone is told."""
        self._write(Kept(self._config, desired))
        self._desired = desired

    def _living(self) -> dict[str, dict[str, Any]]:
        now = time.monotonic()
        return {name: report for name, (seen, report) in self._reports.items() if now - seen <= GONE_S}

    def _bury(self) -> None:
        now = time.monotonic()
        for replica in [name for name, (seen, _) in self._reports.items() if now - seen > BURIED_S]:
            sums: dict[tuple[str, int], Statistics] = {}
            for counts in (self._departed, self._reports.pop(replica)[1]["statistics"]):
                _add(sums, counts)
            self._departed = {key: statistics.export() for key, statistics in sums.items()}

    def _restored(self) -> Kept | None:
        """The state before this actor was killed; another boot's is not read."""
        return pickle.loads(self._file.read_bytes()) if self._file.exists() else None  # our own file, mode 0600

    def _write(self, state: Kept) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(pickle.dumps(state))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._file)


def _add(sums: dict[tuple[str, int], Statistics], counts: Counts) -> None:
    for key, exported in counts.items():
        sums.setdefault(key, Statistics()).absorb(exported)


def start_control(config: Config, boot: str) -> Any:
    """Creates the actor; Ray restarts it if it dies. boot: names this run of the gateway."""
    for stale in _state_files(config.data):
        stale.unlink()
    actor: Any = ray.remote(Control)
    handle = actor.options(
        name=NAME, namespace=NAMESPACE, num_cpus=0, max_restarts=-1, max_task_retries=3, lifetime="detached"
    ).remote(config, boot)
    ray.get(handle.overview.remote())
    return handle


def finish(patience_s: float) -> None:
    """Has all replicas refuse new requests, and returns when those under way are answered, or after `patience_s`."""
    with contextlib.suppress(ValueError, RayError):  # no actor: nothing was started, or it is gone
        actor: Any = ray.get_actor(NAME, NAMESPACE)
        ray.get(actor.close.remote(), timeout=patience_s)
        end = time.monotonic() + patience_s
        while not ray.get(actor.idle.remote(), timeout=patience_s) and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.1)  # what was answered last is on its way through HAProxy


def _state_files(data: Path) -> list[Path]:
    folder = data / "state"
    return list(folder.glob("desired-*")) if folder.is_dir() else []
