"""Takes calls with labels to the inbox from the event loop, which never waits for the disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from gateway.errors import BadRequest, Overloaded
from gateway.labels.inbox import Accepted, Inbox
from gateway.labels.label import Domain, Label
from gateway.labels.parsing import parse_labels

logger = logging.getLogger("driftgate")

MAX_CALLS = 64
"""So many calls of one replica are under way at once, bodies and all; more are told to come back."""

_AT_ONCE = 10_000  # labels in one transaction, or one call
_INLINE = 16_384  # bytes: some 150 labels, parsed in 0.3 ms; a thread would take longer to start


class Intake:
    """The door of one replica. Calls that come while others are being written are committed together."""

    def __init__(self, inbox: Inbox, clock: Callable[[], int] = time.time_ns) -> None:
        self._inbox = inbox
        self._clock = clock
        self._writer = ThreadPoolExecutor(1, "labels")
        self._inside = 0
        self._waiting: list[tuple[Sequence[Label], asyncio.Future[Accepted]]] = []
        self._refused: Counter[str] = Counter()
        self._writing: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def room(self) -> Iterator[None]:
        """A place for one call, from before its body is read. Raises Overloaded if there is none."""
        if self._inside >= MAX_CALLS:
            raise Overloaded(f"{self._inside} calls with labels are under way; come back in a second")
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def take(self, body: bytes, model: str, domains: Sequence[Domain]) -> Accepted:
        """Parses a call and stores its labels; they are on the disk when it returns.

        Raises BadRequest if one of them is malformed, Overloaded if they cannot be stored now; then none is.
        """
        arguments = (body, model, domains, self._clock())
        try:
            inline = len(body) <= _INLINE
            labels = parse_labels(*arguments) if inline else await asyncio.to_thread(parse_labels, *arguments)
        except BadRequest:
            self.refuse(model)
            raise
        future: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._waiting.append((labels, future))
        self._write()
        return await future

    def refuse(self, model: str) -> None:
        """Counts a call for a model that is served, but was turned away."""
        self._refused[model] += 1
        self._write()

    async def close(self) -> None:
        """Finishes what was begun, and closes the inbox."""
        while self._writing is not None:
            await asyncio.wait([self._writing])
        self._writer.shutdown()
        self._inbox.close()

    def _write(self) -> None:
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        try:
            while self._waiting or self._refused:
                await self._write_some()
        finally:
            self._writing = None

    async def _write_some(self) -> None:
        calls, refused = self._next(), self._refused
        self._refused = Counter()
        labels = [labels for labels, _ in calls]
        loop = asyncio.get_running_loop()
        try:
            results = await loop.run_in_executor(self._writer, self._inbox.accept_calls, labels, self._clock(), refused)
        except Exception as problem:
            logger.exception("%d calls with labels were refused", len(calls))
            for _, future in calls:
                if not future.done():
                    future.set_exception(problem)
            return
        for (_, future), result in zip(calls, results, strict=True):
            if not future.done():  # its client may have gone
                future.set_result(result)

    def _next(self) -> list[tuple[Sequence[Label], asyncio.Future[Accepted]]]:
        """The calls for the next transaction: those that wait, up to a bound."""
        count = size = 0
        for labels, _ in self._waiting:
            size += len(labels)
            if count and size > _AT_ONCE:
                break
            count += 1
        chosen, self._waiting = self._waiting[:count], self._waiting[count:]
        return chosen
