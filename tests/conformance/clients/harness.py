"""Runs the cases of a client program, and writes down how each went: one JSON object a line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, overload

CASE_S = 60


class Gateway(NamedTuple):
    """Where the gateway under test is: `url` with its scheme, `grpc` as host:port; and the models that it serves."""

    url: str
    grpc: str
    models: Path
    variant: str

    @property
    def http(self) -> str:
        """The URL without its scheme, as some clients want it."""
        return self.url.removeprefix("http://")


Case = Callable[[Gateway], Awaitable[None]]
_cases: list[tuple[Case, tuple[str, ...]]] = []


@overload
def case(first: Case) -> Case: ...
@overload
def case(first: str, *variants: str) -> Callable[[Case], Case]: ...
def case(first: Case | str, *variants: str) -> Case | Callable[[Case], Case]:
    """Marks an async function as a case: `@case`, or `@case("grpc")` for one that only some variants have."""
    if callable(first):
        _cases.append((first, ()))
        return first
    chosen = (first, *variants)

    def mark(function: Case) -> Case:
        _cases.append((function, chosen))
        return function

    return mark


def run() -> None:
    """Runs every case. Arguments: URL, gRPC address, folder of models, report, variant."""
    url, grpc, models, report, variant = sys.argv[1:]
    gateway = Gateway(url, grpc, Path(models), variant)
    with Path(report).open("w") as lines:
        for function, variants in _cases:
            if variants and variant not in variants:
                continue
            problem = asyncio.run(_attempt(function, gateway))
            lines.write(json.dumps({"case": function.__name__, "problem": problem}) + "\n")
            lines.flush()


async def _attempt(function: Case, gateway: Gateway) -> str | None:
    try:
        await asyncio.wait_for(function(gateway), CASE_S)
    except (Exception, asyncio.CancelledError):  # grpc.aio cancels a call whose requests cannot be made
        return traceback.format_exc()
    return None


class Raised:
    """What `refused` caught."""

    error: Any = None


@contextlib.contextmanager
def refused(kind: type[BaseException], *parts: str) -> Iterator[Raised]:
    """The block must raise a `kind` whose text holds every part."""
    raised = Raised()
    try:
        yield raised
    except kind as error:
        raised.error = error
    if raised.error is None:
        raise AssertionError(f"expected {kind.__name__} that says {parts}, but it went through")
    missing = [part for part in parts if part not in str(raised.error)]
    assert not missing, f"{raised.error} does not say {missing}"
