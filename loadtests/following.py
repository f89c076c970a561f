"""How the observer of a running gateway follows one replica under load, and what both need of memory."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import yaml

from gateway.document import Frozen
from loadtests import engine
from loadtests.errors import ServerError
from loadtests.flights import NAME, REPOSITORY, VERSION, Flights
from loadtests.plan import Plan
from loadtests.process import ServerProcess, free_ports
from loadtests.request import Request
from loadtests.result import Result
from loadtests.scrape import Scrape, quantile, scrape
from loadtests.target import Target

SHARE = 0.8
"""Of the peak, for the open loop."""
CAUGHT_UP_S = 120.0
"""How long the observer is waited for."""
MARKS = (0.0, 0.1, 0.5, 1.0)
"""Shares of all rows after which memory is read."""

_CONNECTIONS = 32
_PEAK_S, _WARM_UP_S = 4.0, 2.0
_DIFFERENT = 2048
_SMALL, _LARGE = 63, 256  # single rows for each request of so many rows
_LONGEST_S = 150.0
_LOOK_S = 0.1

_DELAY = "driftgate_observer_delay_seconds"
_ROWS = "driftgate_observer_rows_total"
_BACKLOG = "driftgate_observer_backlog_bytes"
_LOST = "driftgate_records_lost_total"


class Pace(Frozen):
    """The observer at SHARE of the peak.

    peak: answers a second of one replica in a closed loop; offered, answered: in the open loop. delay_p50_s, delay_p99_s: from
    an answer to its being observed. behind: rows that were answered and not observed when the load ended, as metrics a
    second old at the most say; backlog: the bytes of journal likewise. caught_up_s: until all were, None if that took longer
    than CAUGHT_UP_S. row_us: processor time of the observer for each of `rows`. lost: records.
    """

    peak: float
    offered: float
    answered: float
    answer_p99_ms: float
    delay_p50_s: float
    delay_p99_s: float
    behind: int
    backlog: int
    caught_up_s: float | None
    row_us: float
    rows: int
    lost: int


class Memory(Frozen):
    """Resident bytes after so many rows were answered and observed since the start."""

    rows: int
    replica: int
    observer: int


class Site:
    """A gateway with the bundled flights and one replica, everything recorded and watched."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.observer, self.replica = _member("ray::Observer"), _member("ray::ServeReplica")

    def scrape(self) -> Scrape:
        """The metrics, at most a second old."""
        return scrape(self.target)

    def load(
        self, requests: list[Request], seconds: float, rate: float | None = None, warm_up_s: float = 0.0
    ) -> Result:
        """Sends the requests in turn. Raises ServerError if none was answered."""
        found = engine.measure(
            Plan(
                target=self.target,
                wires=tuple(request.wire(self.target.authority) for request in requests),
                rows=tuple(request.rows for request in requests),
                connections=_CONNECTIONS,
                duration_s=seconds,
                warm_up_s=warm_up_s,
                rate=rate,
                poisson=rate is not None,
            )
        )
        if not found.answered:
            raise ServerError(f"no answer under load: statuses {found.statuses}, errors {found.errors}")
        return found

    def catch_up(self, rows: float) -> float | None:
        """Waits until so many rows have been observed. Seconds; None after CAUGHT_UP_S."""
        began = time.perf_counter()
        while (waited := time.perf_counter() - began) < CAUGHT_UP_S:
            if self.scrape()[_ROWS] >= rows:
                return waited
            time.sleep(_LOOK_S)
        return None


def follow(seconds: float, rows: int, step: Callable[[str], None]) -> tuple[Pace, tuple[Memory, ...]]:
    """Measures the pace for `seconds`, and memory over `rows` rows (0: not at all). step: is told what comes next."""
    step("starting a gateway")
    with _site() as site:
        singles = Flights(_DIFFERENT, time.time_ns()).requests(1)
        step("finding the peak of one replica")
        peak = site.load(singles, _PEAK_S, warm_up_s=_WARM_UP_S).throughput
        pace = _pace(site, singles, peak, seconds, step)
        return pace, tuple(_memory(site, singles, peak, rows, step)) if rows else ()


def _pace(site: Site, singles: list[Request], peak: float, seconds: float, step: Callable[[str], None]) -> Pace:
    step("waiting for the observer")
    _settle(site)
    step(f"{SHARE:.0%} of the peak for {seconds:g} s")
    before, spent = site.scrape(), sum(site.observer.cpu_times()[:2])
    found = site.load(singles, seconds, SHARE * peak)
    after = site.scrape()
    caught_up = site.catch_up(before[_ROWS] + found.answered)
    end, spent = site.scrape(), sum(site.observer.cpu_times()[:2]) - spent
    delays, rows = end.buckets(_DELAY, before), int(end[_ROWS] - before[_ROWS])
    return Pace(
        peak=peak,
        offered=SHARE * peak,
        answered=found.throughput,
        answer_p99_ms=found.latency.p99,
        delay_p50_s=quantile(delays, 0.5),
        delay_p99_s=quantile(delays, 0.99),
        behind=max(0, int(before[_ROWS] + found.answered - after[_ROWS])),
        backlog=int(after[_BACKLOG]),
        caught_up_s=caught_up,
        row_us=spent / max(1, rows) * 1e6,
        rows=rows,
        lost=int(end[_LOST] - before[_LOST]),
    )


def _memory(
    site: Site, singles: list[Request], peak: float, rows: int, step: Callable[[str], None]
) -> Iterator[Memory]:
    """Single rows at half of the peak's rate, and among them large requests, until `rows` have been answered."""
    large = Flights(_LARGE * max(1, len(singles) // _SMALL), time.time_ns(), seed=2).requests(_LARGE)
    mixed = [request for at, one in enumerate(large) for request in (*singles[at * _SMALL : (at + 1) * _SMALL], one)]
    mean = sum(request.rows for request in mixed) / len(mixed)
    rate, done = max(peak / 2, rows / mean / _LONGEST_S), 0
    start = site.scrape()[_ROWS]
    yield Memory(rows=0, replica=site.replica.memory_info().rss, observer=site.observer.memory_info().rss)
    for share in MARKS[1:]:
        step(f"memory: up to {int(share * rows):,} of {rows:,} rows")
        done += site.load(mixed, (share * rows - done) / mean / rate, rate).rows
        site.catch_up(start + done)
        yield Memory(rows=done, replica=site.replica.memory_info().rss, observer=site.observer.memory_info().rss)


def _settle(site: Site) -> None:
    """Returns when the metrics, which are a second old at the most, say the same of the rows as two seconds before."""
    last, since = -1.0, time.perf_counter()
    while time.perf_counter() - since < 2.0:
        found = site.scrape()[_ROWS]
        if found != last:
            last, since = found, time.perf_counter()
        time.sleep(_LOOK_S)


@contextmanager
def _site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="loadtests-observer-") as name:
        folder = Path(name)
        http, grpc = free_ports(2)
        config = {
            "listen": {"host": "127.0.0.1", "http": http, "grpc": grpc},
            "repository": str(REPOSITORY),
            "data": str(folder / "var"),
            "replicas": 1,
            "models": {NAME: {"versions": [VERSION]}},
        }
        path, target = folder / "gateway.yaml", Target("127.0.0.1", http)
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        command = [str(Path(sys.executable).with_name("driftgate")), "up", str(path)]
        with ServerProcess(command, folder / "log") as server:
            server.wait_ready(target, f"/v2/models/{NAME}/ready")
            yield Site(target)


def _member(title: str) -> psutil.Process:
    """The one process below this one that gives itself that name."""
    for process in psutil.Process().children(recursive=True):
        try:
            if " ".join(process.cmdline()).startswith(title):
                return process
        except psutil.NoSuchProcess:
            continue
    raise ServerError(f"the gateway has no process {title}")
