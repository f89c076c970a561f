"""Hands things over in the background: bounded, in batches, and never at the cost of who gives them."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

logger = logging.getLogger("driftgate")

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)

_ROOM = 4096
_BATCH = 16  # making and encoding one request's spans takes 85 µs, in which the interpreter does nothing else
_DELAY_S = 1.0
_REPORT_S = 60.0
_PARTING_S = 0.5


class Receiver(Protocol[Item_contra]):
    """Who takes what is delivered."""

    @property
    def problem(self) -> str:
        """Why it did not take the last batch."""
        ...

    def send(self, items: Sequence[Item_contra]) -> bool:
        """Whether they arrived. It may take seconds, and raises nothing."""
        ...

    def close(self) -> None:
        """Gives up what is under way, from another thread."""
        ...


class Delivery(Generic[Item]):
    """A queue, and the thread that empties it. What has no room, or does not arrive, is dropped and counted.

    room: how many may wait. batch: how many are sent at once. delay_s: how long one may wait for others. now: a clock.
    """

    def __init__(
        self,
        receiver: Receiver[Item],
        *,
        room: int = _ROOM,
        batch: int = _BATCH,
        delay_s: float = _DELAY_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._receiver = receiver
        self._room = room
        self._batch = batch
        self._delay_s = delay_s
        self._now = now
        self._waiting: deque[Item] = deque()
        self._refused = 0  # counted by those who give
        self._undelivered = 0  # counted by the thread
        self._reported = 0
        self._report_at = -float("inf")
        self._wake = threading.Event()
        self._closing = False
        self._given_up = False
        self._thread = threading.Thread(target=self._run, name="driftgate-delivery", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many were not delivered so far."""
        return self._refused + self._undelivered

    def put(self, item: Item) -> None:
        """Takes one, or drops it; at once, either way. Call it from one thread."""
        if self._closing or len(self._waiting) >= self._room:
            self._refused += 1
            return
        self._waiting.append(item)
        if len(self._waiting) >= self._batch and not self._wake.is_set():
            self._wake.set()

    def close(self, timeout_s: float) -> None:
        """Delivers what waits, for so long at most, and half a second to give up the rest; a second time, nothing happens."""
        if self._closing:
            return
        self._closing = True
        self._wake.set()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._given_up = True
            self._receiver.close()
            self._thread.join(_PARTING_S)
            self._undelivered += len(self._waiting)
        else:
            self._receiver.close()
        self._report(self.dropped)

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(self._delay_s)
            self._wake.clear()
            self._empty()
        self._empty()

    def _empty(self) -> None:
        """Sends all that waits."""
        while self._waiting and not self._given_up:
            batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            if not self._receiver.send(batch):
                self._undelivered += len(batch)
            self._tell()
        self._tell()

    def _tell(self) -> None:
        """Says what was dropped, once a minute at most."""
        dropped = self.dropped
        if dropped > self._reported and self._now() >= self._report_at:
            self._report_at = self._now() + _REPORT_S
            self._report(dropped)

    def _report(self, dropped: int) -> None:
        if dropped > self._reported:
            new, self._reported = dropped - self._reported, dropped
            why = self._receiver.problem or "they came faster than they could be sent"
            logger.warning("traces of %d requests were dropped, %d so far: %s", new, dropped, why)
