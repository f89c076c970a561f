"""Results as tables of at most 100 columns, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.document import Frozen
from loadtests.bench import BATCH, Effort, Ratio, Standing
from loadtests.machine import Machine
from loadtests.result import Result

WIDTH = 100


class Comparison(Frozen):
    """Everything that one bench found."""

    machine: Machine
    effort: Effort
    engine: str
    standings: tuple[Standing, ...]
    skipped: tuple[str, ...] = ()


def console(stderr: bool = False) -> Console:
    """A console no wider than the tables may be."""
    found = Console(stderr=stderr)
    return Console(stderr=stderr, width=min(WIDTH, found.width)) if found.is_terminal else Console(width=WIDTH)


def comparison(found: Comparison) -> RenderableType:
    """The two tables, what failed or was skipped, and the facts of the machine."""
    effort = found.effort
    how = f"{effort.rounds} rounds of {effort.seconds:g} s, {effort.connections} connections, {found.engine} client"
    rows = _table(f"1 row × 30 floats, JSON ({how})", "req/s")
    batches = _table(f"{BATCH} rows × 30 floats, binary tensors", "rows/s")
    for standing in found.standings:
        if standing.rows:
            rows.add_row(standing.name, *_cells(standing.rows, standing.row_ratio))
        if standing.batches:
            batches.add_row(standing.name, *_cells(standing.batches, standing.batch_ratio))
    return Group(rows, Text(), batches, Text(), *[Text(line, overflow="fold") for line in _notes(found)])


def single(name: str, found: Result) -> RenderableType:
    """One run of one scenario."""
    table = Table(title=name, title_justify="left", show_header=False, width=min(WIDTH, 60))
    latency, paced = found.latency, found.lag_p99_ms > 0
    lines = {
        "throughput": f"{found.throughput:,.0f} req/s, {found.rows_per_s:,.0f} rows/s",
        "answered": f"{found.answered:,} in {found.seconds:.1f} s",
        "p50 / p90": f"{latency.p50:.2f} / {latency.p90:.2f} ms",
        "p99 / p99.9": f"{latency.p99:.2f} / {latency.p999:.2f} ms",
        "max": f"{latency.max:.2f} ms",
        "statuses": _counts({str(status): count for status, count in sorted(found.statuses.items())}),
        "errors": _counts(found.errors),
        "unanswered": f"{found.unanswered:,}",
        "received": f"{found.bytes_received / 1e6:,.1f} MB",
        "client": f"{found.client_cpu:.0%} of a core" + (f", {found.lag_p99_ms:.2f} ms late (p99)" if paced else ""),
    }
    for label, value in lines.items():
        table.add_row(label, value)
    return table


def _table(title: str, rate: str) -> Table:
    table = Table(title=title, title_justify="left", width=WIDTH - 2)
    table.add_column("server", no_wrap=True)
    for heading in (rate, "p50 ms", "p99 ms", "of bare", "min–max"):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _cells(found: Sequence[Result], ratio: Ratio | None) -> list[str]:
    """Medians over the rounds."""
    return [
        f"{median(result.rows_per_s for result in found):,.0f}",
        f"{median(result.latency.p50 for result in found):.2f}",
        f"{median(result.latency.p99 for result in found):.2f}",
        f"{_share(ratio.median)}×" if ratio else "-",
        f"{_share(ratio.low)}–{_share(ratio.high)}" if ratio else "-",
    ]


def _share(value: float) -> str:
    """Two digits that say something, down to a ten-thousandth."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"


def _notes(found: Comparison) -> list[str]:
    notes = []
    for standing in found.standings:
        notes += [f"{standing.name} failed: {failure}" for failure in standing.failures]
        flaws = sum(r.answered != sum(r.statuses.values()) or bool(r.errors) for r in standing.rows + standing.batches)
        if flaws:
            notes.append(f"{standing.name}: errors or statuses other than 200 in {flaws} measurements (see --json)")
    if found.skipped:
        notes.append(f"not installed, skipped: {', '.join(found.skipped)} (make bench-peers)")
    shares = [r.client_cpu for standing in found.standings for r in standing.rows + standing.batches]
    if shares and max(shares) > 0:
        notes.append(f"the client used at most {max(shares):.0%} of one core")
    facts = found.machine
    notes.append(f"{facts.processor}, {facts.cores} cores, load {facts.load} before; {facts.system}")
    packages = ", ".join(f"{name} {number}" for name, number in facts.packages.items())
    return [*notes, f"Python {facts.python}, {packages}"]


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in counts.items()) or "none"
