"""The versions that one replica holds, which of them are ready, and which answers an unversioned request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple

from gateway.errors import NotFound, NotReady
from gateway.query import Query
from gateway.routing import ModelRoute, Route, Routing, model_route
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


NO_HEADERS: Mapping[str, str] = MappingProxyType({})
NO_QUERY = Query("", [])


class Catalogue:
    """Changed only on the event loop, a whole entry at a time: a request sees the old version or the new, never neither."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[int, Entry]] = {}
        self._routings: dict[str, tuple[int, Routing]] = {}
        self._routes: dict[str, ModelRoute] = {}

    def route(
        self,
        model: str,
        pinned: int | None,
        point: float,
        headers: Mapping[str, str] = NO_HEADERS,
        query: Query = NO_QUERY,
    ) -> tuple[Route, Entry, Version]:
        """The version for a request: `pinned` if given, else as the model's routing decides. See ModelRoute.decide.

        Raises NotFound for what the repository does not have, NotReady for what it has and cannot serve now.
        """
        versions = self._entries.get(model)
        if versions is None:
            raise NotFound(f'no model "{shown(model)}"')
        if pinned is None:
            route = self._routes[model].decide(point, headers, query)
            if route is None:
                raise NotReady(f"{model}: no version is ready: {self._reasons(versions)}")
        else:
            route = Route(pinned, "pinned")
        entry = versions.get(route.version)
        if entry is None:
            if route.reason == "rule":
                raise NotReady(f"{model}/{route.version} is not ready: a rule names it, but it is not there")
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
        if entry is not None:
            entry.status = status
            return
        self._entries[model] = dict(sorted({**self._entries[model], version: Entry(status)}.items()))
        self._redirect(model)

    def put(self, version: Version) -> None:
        """Takes a version into service, in place of the one with its number; requests under way finish on the old."""
        manifest = version.manifest
        self.declare(manifest.name, manifest.version, Status("READY"))
        self._entries[manifest.name][manifest.version].version = version
        self._redirect(manifest.name)

    def remove(self, model: str, version: int, reason: str) -> None:
        """Takes a version out of service; requests under way finish."""
        self.declare(model, version, Status("UNAVAILABLE", reason))
        self._entries[model][version].version = None
        self._redirect(model)

    def forget(self, model: str, version: int) -> None:
        """Drops a version that the repository no longer has."""
        self._entries.get(model, {}).pop(version, None)
        if self._entries.get(model):
            self._redirect(model)
        else:
            for held in (self._entries, self._routings, self._routes):
                held.pop(model, None)

    def direct(self, routings: Mapping[str, Routing], revision: int = 0) -> None:
        """Puts routings into force by model, as of a revision. One older than what is in force changes nothing.

        A model that was never directed sends all to its newest version in production.
        """
        for model, routing in routings.items():
            if revision >= self.revision(model):
                self._routings[model] = (revision, routing)
                if model in self._entries:
                    self._redirect(model)

    def awaits(self, model: str, routing: Routing) -> set[int]:
        """The versions that the routing needs, the one in force does not, and that are not ready."""
        if model not in self._routings:
            return set()
        entries = self._entries.get(model, {})
        ready = {number for number, entry in entries.items() if entry.version}
        return routing.needs() - self._routings[model][1].needs() - ready

    def revision(self, model: str) -> int:
        """Of the routing in force; 0 if the model was never directed."""
        held = self._routings.get(model)
        return 0 if held is None else held[0]

    def share(self, model: str, version: int) -> float:
        """The share of unversioned requests, 0 to 1, that the version answers, rules aside."""
        route = self._routes.get(model)
        return route.split.share(version) if route and route.split else 0.0

    def _redirect(self, model: str) -> None:
        ready = {number: entry.version for number, entry in self._entries[model].items() if entry.version}
        production = [number for number, version in ready.items() if version.manifest.stage == "production"]
        revision, routing = self._routings.get(model, (0, Routing()))
        self._routes[model] = model_route(model, routing, ready, max(production or ready, default=None), revision)

    @staticmethod
    def _reasons(versions: Mapping[int, Entry]) -> str:
        return "; ".join(
            f"{number}: {entry.status.reason or entry.status.state.lower()}" for number, entry in versions.items()
        )
