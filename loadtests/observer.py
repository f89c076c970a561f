"""What recording costs behind the answers: how fast a backlog goes, how close the observer follows, what memory it takes."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.document import Frozen
from loadtests import backlog
from loadtests.backlog import Backlog, Speed
from loadtests.following import CAUGHT_UP_S, SHARE, Memory, Pace, follow
from loadtests.machine import Machine, machine
from loadtests.report import WIDTH

ROWS_PER_S, BYTES_PER_ROW, DELAY_S, GROWTH = 50_000, 100, 1.0, 1.1
"""What is aimed at; memory may grow by a tenth between a tenth of the rows and all of them."""

Line = tuple[str, str, str]
"""What was measured, what was found, what was aimed at."""


class Report(Frozen):
    """Everything that was measured. memory: empty if no rows were sent for it. load_after: as machine.load."""

    machine: Machine
    backlog: Backlog
    pace: Pace
    memory: tuple[Memory, ...]
    load_after: float


def measure(rows: int, seconds: float, answers: int, step: Callable[[str], None] = lambda what: None) -> Report:
    """Measures all of it: a backlog of `rows`, a load of `seconds`, memory over `answers` rows (0: not at all).

    step: is told what comes next. Raises LoadError.
    """
    facts = machine()
    step(f"a backlog of {rows:,} rows")
    worked_off = backlog.measure(rows)
    pace, memory = follow(seconds, answers, step)
    return Report(machine=facts, backlog=worked_off, pace=pace, memory=memory, load_after=machine().load)


def table(found: Report) -> RenderableType:
    """One table of at most 100 columns, and the facts of the machine."""
    made = Table(title="the observer", title_justify="left", width=WIDTH - 2)
    made.add_column("", no_wrap=True)
    for heading in ("found", "aim"):
        made.add_column(heading, justify="right", no_wrap=True)
    for section in (_backlog(found.backlog), _pace(found.pace), _memory(found.memory)):
        for line in section:
            made.add_row(*line)
        made.add_section()
    stages = ", ".join(f"{name} {cost:.1f}" for name, cost in found.backlog.stages.items())
    facts = found.machine
    notes = (
        f"µs of processor time for each row, by stage: {stages}",
        "rates are per second of processor time; in brackets by the clock, beside all else that ran",
        f"{facts.processor}, {facts.cores} cores, load {facts.load} before, {found.load_after} after; {facts.system}",
        f"Python {facts.python}, " + ", ".join(f"{name} {number}" for name, number in facts.packages.items()),
    )
    return Group(made, Text(), *[Text(note, overflow="fold") for note in notes])


def _backlog(found: Backlog) -> list[Line]:
    return [
        (f"backlog of {found.rows:,} rows: rows/s", _speed(found.watched), f"≥ {ROWS_PER_S:,}"),
        ("the same without monitors: rows/s", _speed(found.unwatched), ""),
        ("labels joined in order: labels/s", _speed(found.labels_in_order), ""),
        ("labels joined, shuffled: labels/s", _speed(found.labels_shuffled), ""),
        ("bytes of journal for each row", f"{found.journal_bytes:.0f}", ""),
        ("bytes of Parquet for each row", f"{found.part_bytes:.1f}", f"≤ {BYTES_PER_ROW}"),
        ("the same with labels, once its hour is over", f"{found.tidied_bytes:.1f}", f"≤ {BYTES_PER_ROW}"),
    ]


def _pace(found: Pace) -> list[Line]:
    caught_up = f"not in {CAUGHT_UP_S:g} s" if found.caught_up_s is None else f"{found.caught_up_s:.1f} s"
    return [
        ("peak of one replica: answers/s", f"{found.peak:,.0f}", ""),
        (f"at {SHARE:.0%} of it: answers/s", f"{found.answered:,.0f}", f"{found.offered:,.0f}"),
        ("p99 of an answer", f"{found.answer_p99_ms:.1f} ms", ""),
        ("from an answer to its being observed: p50", f"{found.delay_p50_s:.2f} s", ""),
        ("from an answer to its being observed: p99", f"{found.delay_p99_s:.2f} s", f"≤ {DELAY_S:g} s"),
        ("rows not observed when the load ended", f"{found.behind:,}", ""),
        ("bytes of journal not read then", f"{found.backlog:,}", ""),
        ("until it had caught up", caught_up, ""),
        ("processor time of the observer for each row", f"{found.row_us:.1f} µs", ""),
        ("records lost", f"{found.lost:,}", "0"),
    ]


def _memory(found: tuple[Memory, ...]) -> list[Line]:
    lines = []
    for at, one in enumerate(found):
        aim = "" if at < 2 else f"≤ {_sizes(GROWTH * found[1].replica, GROWTH * found[1].observer)}"
        lines.append((f"memory of replica, observer after {one.rows:,} rows", _sizes(one.replica, one.observer), aim))
    return lines


def _sizes(replica: float, observer: float) -> str:
    return f"{replica / 1e6:,.0f}, {observer / 1e6:,.0f} MB"


def _speed(found: Speed) -> str:
    return f"{found.processor:,.0f} ({found.clock:,.0f})"
