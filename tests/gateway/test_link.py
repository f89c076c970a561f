"""A replica that follows the control actor."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.admission import Admission
from gateway.catalogue import Catalogue
from tests.importing import quietly


class Actor:
    """A control actor that answers reports with one revision after another."""

    def __init__(self, news: type) -> None:
        self._news, self._revision = news, 0
        self.sync = SimpleNamespace(remote=self._sync)

    async def _sync(self, _replica: str, _report: dict[str, Any]) -> Any:
        self._revision += 1
        return self._news(self._revision, False)


class Reconciler:
    """Cannot apply the first revision."""

    revision = 0
    failures: dict[str, str] = {}  # noqa: RUF012 - nobody writes to it

    def __init__(self) -> None:
        self.applied: list[int] = []

    async def apply(self, desired: int) -> None:
        """One of them, or not."""
        if desired == 1:
            raise KeyError("a mistake of ours")
        self.applied.append(desired)

    def direct(self, desired: int) -> None:
        """Nothing to be directed."""


async def test_what_could_not_be_applied_does_not_stop_what_comes_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake that nobody foresaw is logged; the next revision is applied, a rollback perhaps."""
    module = quietly("gateway.link")
    actor, reconciler = Actor(module.News), Reconciler()
    monkeypatch.setattr(module.ray, "get_actor", lambda *_: actor)
    monkeypatch.setattr(module, "SYNC_S", 0.0)
    sleep = asyncio.sleep
    monkeypatch.setattr(module.asyncio, "sleep", lambda _: sleep(0))
    recorder = SimpleNamespace(tend=lambda: None, report=dict)
    link = module.Link("replica-1", Catalogue(), Admission(1), reconciler, recorder)
    following = asyncio.ensure_future(link._follow())
    try:
        async with asyncio.timeout(10):
            while len(reconciler.applied) < 3:
                await sleep(0)
    finally:
        following.cancel()
    assert reconciler.applied == sorted(set(reconciler.applied))
