"""The versions that one replica holds, which of them are ready, and which answers an unversioned request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from gateway.errors import NotFound, NotReady
from gateway.routing import Route, Split, split
from gateway.signature import shown
from gateway.statistics import Statistics
from gateway.version import Version

State = Literal["READY", "LOADING", "UNAVAILABLE"]


class Status(NamedTuple):
    """The state of one version, and why it is not ready."""

    state: State
    reason: str = ""


@dataclass(slots=True)
class Entry:
    """One version: its status and counts, and itself while it is loaded."""

    status: Status
    version: Version | None = None
    statistics: Statistics = field(default_factory=Statistics)


class Catalogue:
    """Changed only on the event loop, a whole entry at a time: a request sees the old version or the new, never neither."""

    def __init__(self) -> None:
        self.revision = 0
        self._entries: dict[str, dict[int, Entry]] = {}
        self._weights: dict[str, Mapping[int, float] | None] = {}
        self._splits: dict[str, Split | None] = {}

    def route(self, model: str, pinned: int | None, point: float) -> tuple[Route, Entry, Version]:
        """The version for a request: `pinned` if given, else the one whose share of traffic holds `point`.

        Raises NotFound for what the repository does not have, NotReady for what it has and cannot serve now.
        """
        versions = self._entries.get(model)
        if versions is None:
            raise NotFound(f'no model "{shown(model)}"')
        if pinned is None:
            chosen = self._splits.get(model)
            if chosen is None:
                raise NotReady(f"{model}: no version is ready: {self._reasons(versions)}")
            route = chosen.pick(point)
        else:
            route = Route(pinned, "pinned")
        entry = versions.get(route.version)
        if entry is None:
            raise NotFound(f"{model} has no version {route.version}; it has {', '.join(map(str, versions))}")
        if entry.version is None:
            raise NotReady(f"{model}/{route.version} is not ready: {entry.status.reason or entry.status.state.lower()}")
        return route, entry, entry.version

    def entries(self) -> Mapping[str, Mapping[int, Entry]]:
        """Every version known, by model and number."""
        return self._entries

    def declare(self, model: str, version: int, status: Status) -> None:
        """Says how a version is, leaving one that is loaded in place."""
        entry = self._entries.setdefault(model, {}).get(version)
        if entry is None:
            self._entries[model] = dict(sorted({**self._entries[model], version: Entry(status)}.items()))
        else:
            entry.status = status

    def put(self, version: Version) -> None:
        """Takes a version into service, in place of the one with its number; requests under way finish on the old."""
        manifest = version.manifest
        self.declare(manifest.name, manifest.version, Status("READY"))
        self._entries[manifest.name][manifest.version].version = version
        self._resplit(manifest.name)

    def remove(self, model: str, version: int, reason: str) -> None:
        """Takes a version out of service; requests under way finish."""
        self.declare(model, version, Status("UNAVAILABLE", reason))
        self._entries[model][version].version = None
        self._resplit(model)

    def forget(self, model: str, version: int) -> None:
        """Drops a version that the repository no longer has."""
        self._entries.get(model, {}).pop(version, None)
        if not self._entries.get(model):
            self._entries.pop(model, None)
        self._resplit(model)

    def weigh(self, weights: Mapping[str, Mapping[int, float] | None], revision: int = 0) -> None:
        """Sets the traffic weights by model, of a revision; None sends all to the newest version in production."""
        self.revision = revision
        self._weights = dict(weights)
        for model in self._entries:
            self._resplit(model)

    def share(self, model: str, version: int) -> float:
        """The share of unversioned requests, 0 to 1, that the version answers."""
        chosen = self._splits.get(model)
        return chosen.share(version) if chosen else 0.0

    def _resplit(self, model: str) -> None:
        ready = {number: entry.version for number, entry in self._entries.get(model, {}).items() if entry.version}
        weights = self._weights.get(model)
        if weights is None:
            production = [number for number, version in ready.items() if version.manifest.stage == "production"]
            newest = max(production or ready, default=None)
            weights = {} if newest is None else {newest: 1.0}
        self._splits[model] = split({number: weight for number, weight in weights.items() if number in ready})

    @staticmethod
    def _reasons(versions: Mapping[int, Entry]) -> str:
        return "; ".join(
            f"{number}: {entry.status.reason or entry.status.state.lower()}" for number, entry in versions.items()
        )
