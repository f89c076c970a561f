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
from gateway.config import Config
from gateway.desired import Desired
from gateway.errors import GatewayError
from gateway.statistics import Statistics

logger = logging.getLogger("driftgate")

NAME, NAMESPACE = "driftgate-control", "driftgate"
GONE_S, BURIED_S = 3.0, 60.0
"""A replica that has not reported for so long is not waited for; for so long, it will not come back."""


Counts = dict[tuple[str, int], dict[str, Any]]
"""Exported statistics by model and version."""


class News(NamedTuple):
    """What a replica is told: the desired state if it has another, and whether the gateway is stopping."""

    desired: Desired | None
    closing: bool


class Control:
    """The actor. Its state survives its own death: it is written to `data/state` before a change is told to anyone."""

    def __init__(self, config: Config, boot: str) -> None:
        self._config = config
        self._file = config.data / "state" / f"desired-{boot}.pickle"
        restored = self._restored()
        self._desired = restored or transitions.initial(config, revision=1)
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
        self._write(changed)
        self._desired = changed
        return changed.revision

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

    def _restored(self) -> Desired | None:
        """The state before this actor was killed; another boot's is not read."""
        return pickle.loads(self._file.read_bytes()) if self._file.exists() else None  # our own file, mode 0600

    def _write(self, state: Desired) -> None:
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
