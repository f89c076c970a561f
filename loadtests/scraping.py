"""What it costs to be scraped: how long a scrape takes, and how many answers are lost to one each second."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx
import psutil
import yaml
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.document import Frozen
from loadtests import engine
from loadtests.errors import ServerError
from loadtests.fleet import FEATURES, MODELS, VERSIONS, feed, singles, write_fleet
from loadtests.machine import Machine, machine
from loadtests.plan import Plan
from loadtests.process import ServerProcess, free_ports
from loadtests.report import WIDTH
from loadtests.result import Latency, percentiles
from loadtests.target import Target

SCRAPE_MS, LOSS = 50.0, 0.02
"""What is aimed at: the slowest of a hundred scrapes, and the share of answers that scraping may cost."""

ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
"""As Prometheus asks."""

_EVERY_S = 1.0
_WINDOW = {"every": "10s", "rows": 1000, "lateness": 0}
_ROWS = 1024
_CONNECTIONS, _WARM_UP_S = 32, 1.0
_PATIENCE_S = 120.0
_VARIANTS = 64
_ANSWERING, _OBSERVING = ("ray::ServeReplica", "bin/haproxy"), ("ray::Observer",)


class Round(Frozen):
    """Answers a second without and with a scrape each second, measured one right after the other."""

    alone: float
    scraped: float

    @property
    def loss(self) -> float:
        """The share that is lost; below 0 where noise has the better of it."""
        return 1 - self.scraped / self.alone


class Report(Frozen):
    """Everything that was measured.

    idle, busy: scrapes of a gateway that does nothing else, and under load. series, size: of the last scrape, bytes.
    answering_ms, observing_ms: processor time that a scrape takes from those who answer requests, replica and load
    balancer, and from the observer, which takes only what nobody else wants. load_after: as machine.load.
    """

    machine: Machine
    series: int
    size: int
    idle: Latency
    busy: Latency
    answering_ms: float
    observing_ms: float
    rounds: tuple[Round, ...]
    load_after: float

    @property
    def loss(self) -> float:
        """The median of the rounds."""
        return median(each.loss for each in self.rounds)


class Scraper:
    """Scrapes each second on a thread of its own, over one connection, as Prometheus does. Seconds of each in `took`."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.took: list[float] = []
        self.failure = ""
        self.last = b""

    def __enter__(self) -> Scraper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if self.failure:
            raise ServerError(f"/metrics: {self.failure}")

    def wait(self, scrapes: int) -> None:
        """Returns after so many; or as soon as one fails."""
        while len(self.took) < scrapes and not self.failure:
            self._ended.wait(0.05)

    def _run(self) -> None:
        with httpx.Client(base_url=self._target.url, timeout=30, trust_env=False) as client:
            while not self._ended.is_set():
                began = time.perf_counter()
                try:
                    answer = client.get("/metrics", headers={"accept": ACCEPT}).raise_for_status()
                except httpx.HTTPError as problem:
                    self.failure = str(problem) or type(problem).__name__
                    return
                self.took.append(time.perf_counter() - began)
                self.last = answer.content
                self._ended.wait(_EVERY_S - (time.perf_counter() - began))


def measure(rounds: int, seconds: float, scrapes: int, step: Callable[[str], None] = lambda what: None) -> Report:
    """Measures `scrapes` one a second, then `rounds` of `seconds` without and with them, in alternating order.

    step: is told what comes next. Raises LoadError.
    """
    facts = machine()
    step("starting a gateway")
    with _site() as target:
        step(f"answers of {len(MODELS) * len(VERSIONS)} versions")
        _fill(target)
        step(f"{scrapes} s without a scrape")
        resting = {who: _spent(who) for who in (_ANSWERING, _OBSERVING)}
        time.sleep(scrapes * _EVERY_S)
        step(f"{scrapes} scrapes, one a second")
        middle = {who: _spent(who) for who in resting}
        with Scraper(target) as idle:
            idle.wait(scrapes)
        costs = {who: (_spent(who) - 2 * middle[who] + resting[who]) / scrapes * 1e3 for who in resting}
        busy, found = list[float](), list[Round]()
        for turn in range(rounds):
            step(f"round {turn + 1} of {rounds}")
            rates = {scraped: _rate(target, seconds, busy, scraped) for scraped in _order(turn)}
            found.append(Round(alone=rates[False], scraped=rates[True]))
    return Report(
        machine=facts,
        series=sum(not line.startswith(b"#") for line in idle.last.splitlines()),
        size=len(idle.last),
        idle=percentiles(idle.took),
        busy=percentiles(busy),
        answering_ms=costs[_ANSWERING],
        observing_ms=costs[_OBSERVING],
        rounds=tuple(found),
        load_after=machine().load,
    )


def table(found: Report) -> RenderableType:
    """One table of at most 100 columns, and the facts of the machine."""
    shape = f"{len(MODELS)} models × {len(VERSIONS)} versions × {len(FEATURES)} features"
    made = Table(title=f"scraping: {shape}", title_justify="left", width=WIDTH - 2)
    made.add_column("", no_wrap=True)
    for heading in ("found", "aim"):
        made.add_column(heading, justify="right", no_wrap=True)
    made.add_row("series", f"{found.series:,}", "")
    made.add_row("bytes", f"{found.size:,}", "")
    made.add_row("a scrape, nothing else to do: p50, p99 ms", _ms(found.idle), f"≤ {SCRAPE_MS:g}")
    made.add_row("a scrape under full load: p50, p99 ms", _ms(found.busy), "")
    made.add_row(
        "its processor time: who answers, observer ms", f"{found.answering_ms:.1f}, {found.observing_ms:.1f}", ""
    )
    for each in found.rounds:
        rates = f"{each.alone:,.0f} → {each.scraped:,.0f} ({-each.loss:+.1%})"
        made.add_row("answers/s without → with a scrape each second", rates, "")
    made.add_row("lost, median of the rounds", f"{found.loss:.1%}", f"< {LOSS:.0%}")
    facts = found.machine
    notes = (
        f"{facts.processor}, {facts.cores} cores, load {facts.load} before, {found.load_after} after; {facts.system}",
        f"Python {facts.python}, " + ", ".join(f"{name} {number}" for name, number in facts.packages.items()),
    )
    return Group(made, Text(), *[Text(note, overflow="fold") for note in notes])


def _spent(titles: Sequence[str]) -> float:
    """Seconds of processor time of the gateway's processes whose command lines hold one of these words."""
    spent = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if any(title in " ".join(process.cmdline()) for title in titles):
                spent += sum(process.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return spent


def _order(turn: int) -> Sequence[bool]:
    return (False, True) if turn % 2 == 0 else (True, False)


def _ms(found: Latency) -> str:
    return f"{found.p50:.1f}, {found.p99:.1f}"


def _fill(target: Target) -> None:
    """Answers in every version until each has a window that was judged."""
    with httpx.Client(base_url=target.url, timeout=60, trust_env=False) as client:
        for request in feed(_ROWS):
            client.post(request.path, content=request.body, headers=dict(request.headers)).raise_for_status()
        end = time.monotonic() + _PATIENCE_S
        while not all(_watched(client, model) for model in MODELS):
            if time.monotonic() > end:
                raise ServerError(f"not every version had a window after {_PATIENCE_S:g} s")
            time.sleep(0.5)


def _watched(client: httpx.Client, model: str) -> bool:
    """Asked where no text for scrapes is made: what that costs is measured next."""
    versions = client.get(f"/gateway/models/{model}/monitors").raise_for_status().json()["versions"]
    return sum(bool(each["latest"]) for each in versions) == len(VERSIONS)


def _rate(target: Target, seconds: float, took: list[float], scraped: bool) -> float:
    """Answers a second of a closed loop; the times of scrapes go to `took`."""
    if not scraped:
        return _load(target, seconds)
    with Scraper(target) as scraper:
        found = _load(target, seconds)
    took += scraper.took
    return found


def _load(target: Target, seconds: float) -> float:
    sent = singles(_VARIANTS)
    found = engine.measure(
        Plan(
            target=target,
            wires=tuple(request.wire(target.authority) for request in sent),
            rows=tuple(request.rows for request in sent),
            connections=_CONNECTIONS,
            duration_s=seconds,
            warm_up_s=_WARM_UP_S,
        )
    )
    if not found.answered:
        raise ServerError(f"no answer under load: statuses {found.statuses}, errors {found.errors}")
    return found.throughput


@contextmanager
def _site() -> Iterator[Target]:
    with tempfile.TemporaryDirectory(prefix="loadtests-scraping-") as name:
        folder = Path(name)
        write_fleet(folder / "models")
        http, grpc = free_ports(2)
        config = {
            "listen": {"host": "127.0.0.1", "http": http, "grpc": grpc},
            "repository": str(folder / "models"),
            "data": str(folder / "var"),
            "replicas": 1,
            "models": {model: {"monitor": _WINDOW} for model in MODELS},
        }
        path, target = folder / "gateway.yaml", Target("127.0.0.1", http)
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        command = [str(Path(sys.executable).with_name("driftgate")), "up", str(path)]
        with ServerProcess(command, folder / "log") as server:
            server.wait_ready(target, f"/v2/models/{MODELS[-1]}/ready")
            yield target
