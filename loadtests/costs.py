"""What monitors cost, as a table of at most 100 columns and as JSON."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.document import Frozen
from loadtests.machine import Machine
from loadtests.report import WIDTH

WINDOW = 1_000
"""Rows of a window: what reading one costs is spread over so many."""
SHARED = "view"
"""What several monitors need is computed once, by whoever asks first; here it stands on a line of its own."""


class Cost(Frozen):
    """Of one monitor, in processor time.

    fold_us: for each row, by the size of the batches. measure_us: for each row, if a window of 1,000 is read once.
    state_bytes: after all rows.
    """

    name: str
    fold_us: dict[int, float]
    measure_us: float
    state_bytes: int


class Report(Frozen):
    """Everything that was measured.

    hub_rows_per_s: of all monitors together as the gateway runs them, for each second of processor time: windows cut, closed,
    read and judged, half of the rows labelled. hub_bytes: of its checkpoint. peers: µs for each row of a window of 1,000, by
    project and version. skipped: what was not installed or failed.
    """

    machine: Machine
    columns: int
    rows: int
    costs: tuple[Cost, ...]
    hub_rows_per_s: dict[int, float]
    hub_bytes: int
    peers: dict[str, float]
    skipped: tuple[str, ...]

    def total(self, size: int) -> float:
        """µs for each row, of all monitors, folded in batches of `size` and read."""
        return sum(cost.fold_us[size] + cost.measure_us for cost in self.costs)


def costs(found: Report) -> RenderableType:
    """The table, the rate of all together, other projects' cost, and the facts of the machine."""
    sizes = list(found.hub_rows_per_s)
    table = Table(title=f"µs for each row of {found.columns} features", title_justify="left", width=WIDTH - 2)
    table.add_column("monitor", no_wrap=True)
    for heading in (*(f"batches of {size:,}" for size in sizes), f"read / {WINDOW:,}", "kB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for cost in found.costs:
        folds = [f"{cost.fold_us[size]:.2f}" for size in sizes]
        table.add_row(cost.name, *folds, f"{cost.measure_us:.2f}", f"{cost.state_bytes / 1e3:,.1f}")
    table.add_section()
    folded = [f"{sum(cost.fold_us[size] for cost in found.costs):.2f}" for size in sizes]
    read, held = sum(cost.measure_us for cost in found.costs), sum(cost.state_bytes for cost in found.costs)
    table.add_row("sum", *folded, f"{read:.2f}", f"{held / 1e3:,.1f}")
    return Group(table, Text(), *[Text(line, overflow="fold") for line in _notes(found)])


def _notes(found: Report) -> list[str]:
    rates = [
        f"{rate:,.0f} rows/s from batches of {size:,} ({1e6 / rate:.1f} µs)"
        for size, rate in found.hub_rows_per_s.items()
    ]
    notes = [
        f"all in the hub, half of the rows labelled: {', '.join(rates)}; checkpoint {found.hub_bytes / 1e3:,.0f} kB"
    ]
    notes += [f"{name}: {cost:,.0f} µs for each row of a window of {WINDOW:,}" for name, cost in found.peers.items()]
    if found.skipped:
        notes.append(f"not compared: {', '.join(found.skipped)} (python -m loadtests monitors --install)")
    facts = found.machine
    notes.append(f"processor time; {facts.processor}, {facts.cores} cores, load {facts.load} before; {facts.system}")
    return [*notes, f"Python {facts.python}, numpy {facts.packages['numpy']}; {found.rows:,} rows"]
