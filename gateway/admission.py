"""How many requests one replica takes on at once, and how busy it is."""

from __future__ import annotations

import time

from gateway.errors import Overloaded


class Admission:
    """Counts the requests in flight, refuses those beyond `limit`, and measures the load that autoscaling follows.

    A request is in flight from the moment its body has arrived until its answer is formatted.
    """

    __slots__ = ("_blocked", "_busy_ns", "_limit", "_marked_ns", "_oldest_ns", "_usual", "in_flight")

    def __init__(self, limit: int) -> None:
        self.in_flight = 0
        self._limit = self._usual = limit
        self._blocked: Overloaded | None = None
        self._busy_ns = 0
        self._oldest_ns = 0
        self._marked_ns = time.perf_counter_ns()

    def enter(self, now_ns: int) -> None:
        """Takes a request on, at `now_ns` of `time.perf_counter_ns`. Raises Overloaded if there is no room."""
        if self.in_flight >= self._limit:
            if not self._usual:
                raise Overloaded("the gateway is stopping", retry_after_s=5)
            if self._blocked is not None:
                raise Overloaded(self._blocked.message, self._blocked.retry_after_s)
            raise Overloaded(f"{self.in_flight} requests are in flight, the limit (limits.max_in_flight)")
        if not self.in_flight:
            self._oldest_ns = now_ns
        self.in_flight += 1

    def close(self) -> None:
        """Takes on no more; those in flight go on."""
        self._limit = self._usual = 0

    def block(self, reason: Overloaded) -> None:
        """Takes on no more until `unblock`, and says why."""
        self._blocked, self._limit = reason, 0

    def unblock(self) -> None:
        """Takes requests on again, up to the limit."""
        self._blocked, self._limit = None, self._usual

    def leave(self, now_ns: int) -> None:
        """A request is done."""
        self.in_flight -= 1
        if not self.in_flight:
            self._busy_ns += now_ns - self._oldest_ns

    def busy(self, now_ns: int) -> float:
        """The share of time since the last call, 0 to 1, in which at least one request was in flight."""
        if self.in_flight:
            self._busy_ns += now_ns - self._oldest_ns
            self._oldest_ns = now_ns
        elapsed, self._marked_ns = now_ns - self._marked_ns, now_ns
        busy, self._busy_ns = self._busy_ns, 0
        return min(1.0, busy / elapsed) if elapsed > 0 else 0.0


class LoadMeter:
    """The load of a replica, 0 to 1: how much of the time it had work, or its event loop's thread was running.

    Requests answered inline are too short to be seen in flight; their cost shows in the thread's own processor time.
    Call it on the event loop.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._wall_ns, self._thread_ns = time.perf_counter_ns(), time.thread_time_ns()

    def now(self) -> float:
        """The load since the last call."""
        wall_ns, thread_ns = time.perf_counter_ns(), time.thread_time_ns()
        elapsed = max(1, wall_ns - self._wall_ns)
        running = (thread_ns - self._thread_ns) / elapsed
        self._wall_ns, self._thread_ns = wall_ns, thread_ns
        return min(1.0, max(self._admission.busy(wall_ns), running))
