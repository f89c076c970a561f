"""What it costs to decide which version answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import click
from rich.table import Table

from gateway.query import Query
from gateway.routing import ModelRoute, Routing, model_route
from gateway.rules import rule
from gateway.stickiness import Sticky
from loadtests.report import console

REQUESTS = 1_000
QUERY = Query("", [])
SPLIT = {1: 90, 2: 9, 3: 1}
RULES = tuple(rule("header", f"x-plan-{number}", ["gold"], 2) for number in range(5))
WAYS = {
    "one version": Routing({1: 1}),
    "shares of three": Routing(SPLIT),
    "and five rules that are not met": Routing(SPLIT, None, RULES),
    "and a sticky header": Routing(SPLIT, Sticky("header", "x-user-id"), RULES),
}


@click.command("routing")
@click.option("--rounds", type=click.IntRange(1, 1000), default=101, show_default=True, help="the median of so many")
@click.option("--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="write all results there too")
def routing(rounds: int, path: Path | None) -> None:
    """Measures what it costs to decide which version answers a request."""
    found = decisions(rounds, time.process_time_ns)
    if path:
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    table = Table(title=f"µs of processor time for a decision, median of {rounds} × {REQUESTS:,}", title_justify="left")
    table.add_column("routing")
    table.add_column("µs", justify="right")
    for way, cost in found.items():
        table.add_row(way, f"{cost:.2f}")
    console().print(table)


def decisions(rounds: int, clock: Callable[[], int]) -> dict[str, float]:
    """µs by way of routing. clock: ns."""
    return {way: _cost(model_route("flights", way_, (1, 2, 3), 3), rounds, clock) for way, way_ in WAYS.items()}


def _cost(route: ModelRoute, rounds: int, clock: Callable[[], int]) -> float:
    requests = [(number / REQUESTS, {"x-user-id": f"user-{number}"}) for number in range(REQUESTS)]
    spent = []
    for _ in range(rounds):
        began = clock()
        for point, headers in requests:
            route.decide(point, headers, QUERY)
        spent.append(clock() - began)
    return median(spent) / REQUESTS / 1000
