"""Brings a replica's catalogue to what is desired: loads in threads what is missing, and swaps it in whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection

from gateway.catalogue import Catalogue, Status
from gateway.config import Config, Limits, ModelConfig
from gateway.desired import Desired
from gateway.errors import GatewayError, RepositoryError
from gateway.repository import Folder
from gateway.routing import SHADOWS, Routing
from gateway.stickiness import misfit
from gateway.version import Version

logger = logging.getLogger("driftgate")

Prepare = Callable[[Folder, ModelConfig, Limits], Version]


class Reconciler:
    """Applies one `Desired` after another; never two at once."""

    def __init__(self, catalogue: Catalogue, config: Config, prepare: Prepare) -> None:
        self._catalogue = catalogue
        self._config = config
        self._prepare = prepare
        self._generation: dict[str, int] = {}
        self.revision = 0
        self.failures: dict[str, str] = {}

    async def apply(self, desired: Desired) -> None:
        """Returns when every version is in service or known not to be fit; `failures` says why, by `model/version`."""
        self.direct(desired)
        missing = [folder for model in desired.models for folder in self._missing(desired, model)]
        for folder in missing:
            self._catalogue.declare(folder.model, folder.version, self._loading(folder))
        await asyncio.gather(*(self._load(folder, desired.routing.get(folder.model)) for folder in missing))
        self._catalogue.direct(desired.routing, desired.revision)
        self._retire(desired)
        self._generation = dict(desired.generation)
        self.revision = desired.revision

    def direct(self, desired: Desired) -> None:
        """Routes anew at once where that waits for no version; a rollback does not wait until something else is loaded."""
        now = {
            model: routing for model, routing in desired.routing.items() if not self._catalogue.awaits(model, routing)
        }
        self._catalogue.direct(now, desired.revision)

    def _missing(self, desired: Desired, model: str) -> list[Folder]:
        """Versions to load: not in service or changed on disk. One that failed is tried again only when told to load."""
        entries = self._catalogue.entries().get(model, {})
        told = desired.generation.get(model, 0) != self._generation.get(model, 0)
        missing = []
        for number, folder in desired.loaded(model).items():
            version = entries[number].version if number in entries else None
            failed = folder.label in self.failures
            if (version is None or version.stamp != folder.stamp) and (told or not failed):
                missing.append(folder)
        return missing

    def _loading(self, folder: Folder) -> Status:
        entry = self._catalogue.entries().get(folder.model, {}).get(folder.version)
        return Status("READY", "its new files are loading") if entry and entry.version else Status("LOADING")

    async def _load(self, folder: Folder, routing: Routing | None) -> None:
        settings = self._config.settings(folder.model) or ModelConfig()
        try:
            version = await asyncio.to_thread(self._prepare, folder, settings, self._config.limits)
            misfitting = misfit(routing.sticky if routing else None, folder.label, version.signature.inputs)
            if misfitting:
                raise RepositoryError(misfitting)
        except (GatewayError, OSError) as problem:
            self._refuse(folder, str(problem))
        except Exception as problem:
            logger.exception("%s: loading it failed in a way that is not foreseen", folder.label)
            self._refuse(folder, f"{folder.label}: {type(problem).__name__}")
        else:
            self.failures.pop(folder.label, None)
            self._catalogue.put(version)

    def _refuse(self, folder: Folder, reason: str) -> None:
        logger.error("%s is not served: %s", folder.label, reason)
        self.failures[folder.label] = reason
        entry = self._catalogue.entries()[folder.model][folder.version]
        old = "the version loaded before goes on serving; its new files were refused: "
        status = Status("READY", old + reason) if entry.version else Status("UNAVAILABLE", reason)
        self._catalogue.declare(folder.model, folder.version, status)

    def _retire(self, desired: Desired) -> None:
        entries = self._catalogue.entries()
        for model, number in [(model, number) for model, versions in entries.items() for number in versions]:
            held = desired.models.get(model, {})
            if number not in held:
                self.failures.pop(f"{model}/{number}", None)
                self._catalogue.forget(model, number)
            elif number in desired.absent.get(model, ()):
                self.failures.pop(f"{model}/{number}", None)
                self._catalogue.remove(model, number, "unloaded")
        for model in desired.models:
            for number in desired.silent(model):
                self.failures.pop(f"{model}/{number}", None)
                self._catalogue.remove(model, number, SHADOWS)
        for model, gone in desired.absent.items():
            for number in gone:
                self._catalogue.declare(model, number, Status("UNAVAILABLE", "unloaded"))


def refusal(failures: dict[str, str], model: str, versions: Collection[int] | None = None) -> RepositoryError | None:
    """The failures that concern a model's versions (None: all), as one error."""
    reasons = []
    for label, reason in failures.items():
        name, _, number = label.rpartition("/")
        if name == model and (versions is None or int(number) in versions):
            reasons.append(reason)
    return RepositoryError("; ".join(reasons)) if reasons else None
