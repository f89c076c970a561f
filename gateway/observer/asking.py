"""How a replica asks the observer."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import ray
from ray.exceptions import RayError

from gateway.errors import NotReady
from gateway.exposition import Exposition
from gateway.observer.neighbours import Neighbour, answering, neighbours
from gateway.observer.standing import Standing
from gateway.observer.traffic import Traffic
from gateway.observer.trials import Asked

NAME, NAMESPACE = "driftgate-observer", "driftgate"


class Asking:
    """The observer's questions, from an event loop. Each raises NotReady while the observer is dead or being restarted."""

    def __init__(self) -> None:
        self._actor: Any = None

    async def scrape(self, accept: str) -> Exposition:
        """See Observer.scrape."""
        found: Exposition = await self._ask("scrape", accept)
        return found

    async def flush(self) -> None:
        """See Observer.flush."""
        await self._ask("flush")

    async def forget(self, model: str, ids: list[str] | None, column: str | None, value: str | None) -> int:
        """See Observer.forget."""
        found: int = await self._ask("forget", model, ids, column, value)
        return found

    async def windows(self, model: str, most: int) -> bytes:
        """See Observer.windows."""
        found: bytes = await self._ask("windows", model, most)
        return found

    async def traffic(self) -> Traffic:
        """See Observer.traffic."""
        found: Traffic = await self._ask("traffic")
        return found

    async def neighbours(self) -> list[Neighbour]:
        """Ray's and HAProxy's own metrics, where they answer. Of this process, and not of the observer."""
        nodes = await asyncio.to_thread(ray.nodes)
        port = next((node["MetricsExportPort"] for node in nodes if node["Alive"]), None)
        return await answering(neighbours(port, os.environ))

    async def tell(self, standing: Standing) -> None:
        """See Observer.tell."""
        await self._ask("tell", standing)

    async def distributions(self, model: str) -> bytes:
        """See Observer.distributions."""
        found: bytes = await self._ask("distributions", model)
        return found

    async def evidence(self, asked: dict[str, Asked]) -> dict[str, Any]:
        """See Observer.evidence."""
        found: dict[str, Any] = await self._ask("evidence", asked)
        return found

    async def _ask(self, question: str, *arguments: Any) -> Any:
        try:
            if self._actor is None:
                self._actor = ray.get_actor(NAME, NAMESPACE)
            return await getattr(self._actor, question).remote(*arguments)
        except (RayError, ValueError) as problem:
            raise NotReady(f"the observer does not answer just now ({type(problem).__name__}); try again") from None
