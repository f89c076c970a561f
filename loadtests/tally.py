"""Counts while a measurement runs: cheap to add to, exact when read."""

from __future__ import annotations

from array import array
from collections import Counter

from loadtests.result import Result, percentiles


class Tally:
    """Everything counted from `start` on; times are seconds of one monotonic clock.

    Latencies are kept whole, 8 bytes each: at the highest rate and longest run that a scenario may ask for, 96 MB.
    """

    def __init__(self, start: float, end: float) -> None:
        self._start = start
        self._end = end
        self._last = end
        self._latencies = array("d")
        self._lags = array("d")
        self._statuses: Counter[int] = Counter()
        self._errors: Counter[str] = Counter()
        self._rows = 0
        self._bytes = 0
        self._unanswered = 0

    def answer(self, began: float, now: float, status: int, size: int, rows: int) -> None:
        """An answer of `size` bytes to a request that began, or was to begin, at `began`."""
        if began < self._start:
            return
        self._statuses[status] += 1
        self._bytes += size
        self._last = now
        if status == 200:
            self._latencies.append(now - began)
            self._rows += rows

    def lag(self, due: float, seconds: float) -> None:
        """The request that was to begin at `due` left this much later than it could have."""
        if due >= self._start:
            self._lags.append(seconds)

    def error(self, what: str) -> None:
        """Something that happened to a connection."""
        self._errors[what] += 1

    def unanswered(self, age: float | None = None) -> None:
        """A request whose answer never came; `age` seconds old, where that is to count as its latency."""
        self._unanswered += 1
        if age is not None:
            self._latencies.append(age)

    def result(self, client_cpu: float) -> Result:
        """The sums. client_cpu: share of one core."""
        seconds = max(self._last, self._end) - self._start
        answered = self._statuses[200]
        return Result(
            answered=answered,
            rows=self._rows,
            seconds=seconds,
            throughput=answered / seconds,
            rows_per_s=self._rows / seconds,
            latency=percentiles(self._latencies),
            statuses=dict(self._statuses),
            errors=dict(self._errors),
            unanswered=self._unanswered,
            bytes_received=self._bytes,
            lag_p99_ms=percentiles(self._lags).p99,
            client_cpu=client_cpu,
        )
