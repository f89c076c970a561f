"""A replica's link to what all replicas share: it reports, asks, and applies."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable
from typing import Any

import ray
from ray.exceptions import RayError

from gateway import leaving
from gateway.admission import Admission, LoadMeter
from gateway.catalogue import Catalogue
from gateway.control import NAME, NAMESPACE, News
from gateway.desired import Desired
from gateway.errors import BadRequest, GatewayError, NotReady, RepositoryError
from gateway.management import Verb, told
from gateway.reconcile import Reconciler, refusal
from gateway.recorder import Recorder
from gateway.statistics import Counts, Statistics

logger = logging.getLogger("driftgate")

SYNC_S = 0.2
"""How often a replica reports and asks for news; a Ray call costs it a third of a millisecond."""

LOAD_S = 300.0
"""How long `load` and `unload` wait for every replica before they say that it takes longer."""


async def _asked(answer: Awaitable[Any]) -> Any:
    """What the actor answers. Raises NotReady while it is dead or being restarted."""
    try:
        return await answer
    except RayError as problem:
        raise NotReady(f"the control actor does not answer just now ({type(problem).__name__}); try again") from None


def _granted(answer: Any) -> Any:
    """What the actor says. Raises the GatewayError that it has instead."""
    if isinstance(answer, GatewayError):
        raise answer
    return answer


class Link:
    """A replica's side: reports, fetches, applies. See `rest.Control` for the four calls that it offers."""

    def __init__(
        self, replica: str, catalogue: Catalogue, admission: Admission, reconciler: Reconciler, recorder: Recorder
    ) -> None:
        self._actor: Any = ray.get_actor(NAME, NAMESPACE)
        self._replica = replica
        self._catalogue = catalogue
        self._admission = admission
        self._reconciler = reconciler
        self._recorder = recorder
        self._load = LoadMeter(admission)
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.load_share = 0.0

    async def start(self) -> None:
        """Returns when the replica has what is desired, also if that changed meanwhile; then goes on following it."""
        while (news := await self._sync()) is not None:
            await self._reconciler.apply(news)
        self._task = asyncio.get_running_loop().create_task(self._follow())

    async def load(self, model: str, versions: list[int] | None, who: str) -> None:
        """See rest.Control."""
        failed = refusal(await self._change("load", model, versions, who), model, versions)
        if failed is not None:
            raise BadRequest(failed.message)

    async def unload(self, model: str, versions: list[int] | None, who: str) -> None:
        """See rest.Control."""
        await self._change("unload", model, versions, who)

    async def config(self) -> dict[str, Any]:
        """See management.Steering; so are the next ones."""
        found: dict[str, Any] = await _asked(self._actor.config.remote())
        return found

    async def plan(self, text: str) -> dict[str, Any]:
        """See management.Steering."""
        found: dict[str, Any] = _granted(await _asked(self._actor.plan.remote(text)))
        return found

    async def apply(self, text: str, who: str) -> dict[str, Any]:
        """See management.Steering."""
        found: dict[str, Any] = _granted(await _asked(self._actor.apply.remote(text, who)))
        return found

    async def command(self, model: str, what: Verb, who: str, why: str) -> dict[str, Any]:
        """See management.Steering."""
        return {"model": model, "state": _granted(await _asked(self._actor.command.remote(model, what, who, why)))}

    async def rollouts(self) -> list[dict[str, Any]]:
        """See management.Steering."""
        found: list[dict[str, Any]] = await _asked(self._actor.rollouts.remote())
        return found

    async def history(self, model: str | None, limit: int) -> list[dict[str, Any]]:
        """See management.Steering."""
        return [told(event) for event in await _asked(self._actor.history.remote(model, limit))]

    async def statistics(self, model: str | None) -> dict[tuple[str, int], dict[str, Any]]:
        """See rest.Control. Other replicas' counts may be SYNC_S old."""
        await self._sync()
        totals: Counts = await _asked(self._actor.totals.remote())
        found = {}
        for (name, number), exported in sorted(totals.items()):
            if model in (None, name):
                statistics = Statistics()
                statistics.absorb(exported)
                found[name, number] = statistics.triton(name, number)
        return found

    async def status(self) -> dict[str, Any]:
        """See rest.Control."""
        await self._sync()
        overview: dict[str, Any] = await _asked(self._actor.overview.remote())
        totals: Counts = await _asked(self._actor.totals.remote())
        replicas = [
            {"replica": name, **{key: report[key] for key in ("pid", "revision", "in_flight", "load", "journal")}}
            for name, report in sorted(overview["replicas"].items())
        ]
        return {"revision": overview["revision"], "replicas": replicas, "models": self._models(totals)}

    async def _change(self, what: str, model: str, versions: list[int] | None, who: str) -> dict[str, str]:
        outcome = await _asked(self._actor.change.remote(what, model, versions, who))
        if isinstance(outcome, GatewayError):
            raise BadRequest(outcome.message) if isinstance(outcome, RepositoryError) else outcome
        failures: dict[str, str] | None = await _asked(self._actor.settled.remote(outcome, LOAD_S))
        if failures is None:
            raise NotReady(f"{model}: not every replica had finished after {LOAD_S:g} s; it goes on")
        return failures

    async def _follow(self) -> None:
        applying: asyncio.Task[None] | None = None
        while True:
            await asyncio.sleep(SYNC_S)
            try:
                self._recorder.tend()
                self.load_share = 0.7 * self.load_share + 0.3 * self._load.now()
                news = await self._sync()
                if applying is not None and applying.done():
                    done, applying = applying, None
                    done.result()
                if news is not None and applying is None:
                    applying = asyncio.get_running_loop().create_task(self._reconciler.apply(news))
                elif news is not None:  # versions are loading: what needs none of them does not wait
                    self._reconciler.direct(news)
            except NotReady as problem:  # the replica goes on with what it has
                logger.warning("%s", problem.message)
                await asyncio.sleep(1.0)
            except Exception:
                logger.exception("following the control actor failed in a way that is not foreseen; trying again")
                await asyncio.sleep(1.0)

    async def _sync(self) -> Desired | None:
        news: News = await _asked(self._actor.sync.remote(self._replica, self._report()))
        if news.closing and not self._closed:
            self._closed = True
            self._admission.close()
            leaving.at_once()
        return news.desired

    def _report(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "revision": self._reconciler.revision,
            "failures": dict(self._reconciler.failures),
            "in_flight": self._admission.in_flight,
            "closed": self._closed,
            "load": self.load_share,
            "journal": self._recorder.report(),
            "ready": {
                model: [number for number, entry in versions.items() if entry.version is not None]
                for model, versions in self._catalogue.entries().items()
            },
            "statistics": {
                (model, number): entry.statistics.export()
                for model, versions in self._catalogue.entries().items()
                for number, entry in versions.items()
            },
        }

    def _models(self, totals: Counts) -> list[dict[str, Any]]:
        return [
            {
                "model": model,
                "version": number,
                "state": entry.status.state,
                "reason": entry.status.reason,
                "share": self._catalogue.share(model, number),
                "stage": entry.version.manifest.stage if entry.version else None,
                "answered": totals[model, number]["counts"]["success"] if (model, number) in totals else 0,
            }
            for model, versions in self._catalogue.entries().items()
            for number, entry in versions.items()
        ]
