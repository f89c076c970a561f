"""How a replica asks the observer."""

from __future__ import annotations

from typing import Any

import ray
from ray.exceptions import RayError

from gateway.errors import NotReady
from gateway.exposition import Exposition
from gateway.observer.actor import NAME, NAMESPACE
from gateway.observer.trials import Asked


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

    async def windows(self, model: str, most: int) -> list[dict[str, Any]]:
        """See Observer.windows."""
        found: list[dict[str, Any]] = await self._ask("windows", model, most)
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
