"""How fast the observer works off a backlog: a journal that nobody has read, folded from its beginning to its end."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from gateway.config import Config, ModelConfig, Monitoring
from gateway.document import Frozen
from gateway.journal import columns
from gateway.journal.reader import FAR, Reader
from gateway.journal.writer import Bounds, Journal
from gateway.labels.inbox import Inbox
from gateway.observer.fold import Fold
from gateway.observer.ledger import Ledger
from gateway.observer.watching import Watching, advance
from gateway.store.store import Store
from loadtests.errors import LoadError
from loadtests.flights import NAME, REPOSITORY, Flights

_BOUNDS = Bounds(16 << 20, 64 << 30)
_LABELS_AT_ONCE = 10_000
_HOUR_NS = 3_600_000_000_000


class Speed(Frozen):
    """So many per second of processor time, and by the clock, which other processes slow down."""

    processor: float
    clock: float


class Backlog(Frozen):
    """What was found for `rows` rows.

    watched, unwatched: rows folded, with and without monitors. labels: joined with committed rows that stand in the order
    in which they were answered, or shuffled. journal_bytes, part_bytes, tidied_bytes: for each row, the last two in
    Parquet, as committed and once its hour is over, with all labels. stages: µs of processor time for each row, by what
    is done.
    """

    rows: int
    watched: Speed
    unwatched: Speed
    labels_in_order: Speed
    labels_shuffled: Speed
    journal_bytes: float
    part_bytes: float
    tidied_bytes: float
    stages: dict[str, float]


def measure(rows: int) -> Backlog:
    """Measures in a process of its own, with the settings of the observer's: no garbage collector, one thread for Arrow."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(work_off, rows).result()
        except BrokenProcessPool:
            raise LoadError("the process that works off the backlog died") from None


def work_off(rows: int) -> Backlog:
    """The same in this process, whose garbage collector stays as it is."""
    logging.getLogger("driftgate").addHandler(logging.NullHandler())  # alarms are no news here
    collecting, threads = gc.isenabled(), pa.cpu_count()
    gc.disable()
    pa.set_cpu_count(1)
    try:
        with tempfile.TemporaryDirectory(prefix="loadtests-backlog-") as folder:
            return _worked_off(Path(folder), rows)
    finally:
        pa.set_cpu_count(threads)
        if collecting:
            gc.enable()


def _worked_off(folder: Path, rows: int) -> Backlog:
    now = time.time_ns()
    flights = Flights(rows, now - _HOUR_NS)
    full = folder / "full"
    journal_bytes = _write(flights, full)
    bare, stepped, shuffled = (_copy(full, folder / name) for name in ("bare", "stepped", "shuffled"))
    with _folding(bare, watched=False) as fold:
        unwatched = _speed(rows, lambda: fold.drain(now, patience_ns=0))
    stages = _stages(stepped, rows)
    with _folding(full) as fold:
        watched = _speed(rows, lambda: fold.drain(now, patience_ns=0))
        _check(fold, rows)
        part_bytes = fold.store.size[1]
    shutil.rmtree(shuffled)
    _copy(full, shuffled)
    in_order, out_of_order = _join(full, flights, shuffled=False), _join(shuffled, flights, shuffled=True)
    with _folding(full) as fold:
        fold.store.tidy(now + 2 * _HOUR_NS, force=True)
        tidied_bytes = fold.store.size[1]
    return Backlog(
        rows=rows,
        watched=watched,
        unwatched=unwatched,
        labels_in_order=in_order,
        labels_shuffled=out_of_order,
        journal_bytes=journal_bytes / rows,
        part_bytes=part_bytes / rows,
        tidied_bytes=tidied_bytes / rows,
        stages=stages,
    )


def _write(flights: Flights, data: Path) -> int:
    """The journal of a writer that has come to its end. Its bytes."""
    journal = Journal(data / "journal", _BOUNDS)
    journal.declare(0, flights.layout)
    for frame in flights.frames():
        if not journal.append(frame):
            raise LoadError(f"{data}: the disk has no room for the journal")
    journal.close()
    return sum(path.stat().st_size for path in (data / "journal").glob("*/*.journal"))


def _join(data: Path, flights: Flights, shuffled: bool) -> Speed:
    """A label for every row that is committed: read from the inbox, joined, given to the monitors, committed."""
    inbox, labels, now = Inbox(data / "state" / "labels.sqlite"), flights.labels(shuffled), time.time_ns()
    for at in range(0, len(labels), _LABELS_AT_ONCE):
        inbox.accept(labels[at : at + _LABELS_AT_ONCE], now)
    inbox.close()
    with _folding(data) as fold:
        found = _speed(len(labels), lambda: fold.drain(now, patience_ns=0))
        if fold.labels["joined"] != len(labels):
            raise LoadError(f"expected {len(labels)} labels to be joined, found {dict(fold.labels)}")
    return found


def _stages(data: Path, rows: int) -> dict[str, float]:
    """What Fold does, taken apart: µs of processor time for each row."""
    config, spent = _config(data), dict.fromkeys(("read", "columns", "count", "watch", "buffer", "commit"), 0.0)
    watching, ledger, store = Watching(config, {}), Ledger(lambda _: True), Store(data)

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        began = time.process_time()
        yield
        spent[name] += time.process_time() - began

    (folder,) = (data / "journal").iterdir()
    reader = Reader(folder)
    while not reader.finished:
        with stage("read"):
            chunk = reader.read(FAR, patience_ns=0)
        with stage("columns"):
            found = columns.answers(chunk.answers)
        for answers in found:
            with stage("count"):
                ledger.answers(answers)
            with stage("watch"):
                watching.answers(answers)
                for _, hub in watching.hubs():
                    advance(hub, reader.reached_ns, reader.reached_ns)
            with stage("buffer"):
                store.append(answers)
        if store.waiting >= 50_000 or reader.finished:
            with stage("commit"):
                store.commit({})
    store.close()
    return {name: seconds / rows * 1e6 for name, seconds in spent.items()}


def _speed(count: int, act: Callable[[], None]) -> Speed:
    processor, clock = time.process_time(), time.perf_counter()
    act()
    return Speed(
        processor=count / (time.process_time() - processor),
        clock=count / (time.perf_counter() - clock),
    )


@contextmanager
def _folding(data: Path, watched: bool = True) -> Iterator[Fold]:
    fold = Fold(_config(data, watched))
    try:
        yield fold
    finally:
        fold.close()
        gc.collect()


def _config(data: Path, watched: bool = True) -> Config:
    return Config(repository=REPOSITORY, data=data, models={NAME: ModelConfig(monitor=Monitoring(on=watched))})


def _check(fold: Fold, rows: int) -> None:
    if fold.progress.rows != rows or fold.store.counts.rows != rows:
        raise LoadError(f"expected {rows} rows to be folded, found {fold.progress.rows}")


def _copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target
