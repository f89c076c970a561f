"""`python -m monitors predictions.parquet --manifest model.yaml --reference reference.npz`: judges a log offline."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from rich.console import Console
from rich.table import Table

from monitors.alarm import Judged
from monitors.errors import LogRefused, ManifestRefused, ReferenceRefused
from monitors.log import read_log
from monitors.manifest import read_facts
from monitors.offline import Report, judge
from monitors.reference import Reference
from monitors.settings import SLICED, Settings, Sliced
from monitors.slices import slices

UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
MOST = 5
"""Of what drifted most, so many are shown for each window."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code: 0 done, 1 refused or, with --fail-on-alarm, an alarm, 2 wrong usage."""
    given = _parser().parse_args(arguments)
    try:
        facts = read_facts(given.manifest)
        reference = Reference.load(given.reference)
        slices(given.slice)
        settings = Settings(
            every=given.window,
            rows=given.rows,
            at_most=max(given.window, given.at_most),
            false_alarms_per_month=given.alarms_per_month,
            min_group=given.min_group,
            slices=tuple(given.slice),
            sliced=tuple(given.sliced or SLICED),
        )
        reports = judge(read_log(given.log, facts), reference, facts.groups, settings, given.role)
        fired = _as_json(reports) if given.json else _as_tables(reports)
    except (LogRefused, ManifestRefused, ReferenceRefused, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 1 if fired and given.fail_on_alarm else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m monitors", description="Judges a log of answers as the gateway would.")
    parser.add_argument("log", type=Path, help="Parquet, as `driftgate export` writes it")
    parser.add_argument("--manifest", type=Path, required=True, help="model.yaml of the version")
    parser.add_argument("--reference", type=Path, required=True, help="the profile of its training data")
    parser.add_argument("--role", choices=("primary", "shadow"), default="primary")
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each measurement")
    defaults = Settings()
    parser.add_argument(
        "--window", type=_seconds, default=defaults.every, help="windows begin and end on its multiples"
    )
    parser.add_argument("--rows", type=int, default=defaults.rows, help="answers that make a window")
    parser.add_argument("--at-most", type=_seconds, default=defaults.at_most, help="after which it closes with fewer")
    parser.add_argument(
        "--alarms-per-month", type=float, default=defaults.false_alarms_per_month, help="false ones put up with"
    )
    parser.add_argument("--min-group", type=int, default=defaults.min_group, help="rows for a group to be compared")
    parser.add_argument(
        "--slice", type=_slice, action="append", default=[], help="rows to watch on their own: carrier=UA,DL"
    )
    parser.add_argument(
        "--sliced",
        choices=get_args(Sliced),
        action="append",
        help=f"a monitor that watches them, instead of {', '.join(SLICED)}",
    )
    parser.add_argument("--fail-on-alarm", action="store_true", help="exit with 1 if any alarm fired")
    return parser


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError(f"expected a duration such as 1m, found {text!r}")
    return float(match[1]) * UNITS[match[2]]


def _slice(text: str) -> dict[str, tuple[str | int, ...]]:
    column, _, values = text.partition("=")
    if not column or not values:
        raise argparse.ArgumentTypeError(f"expected a column and its values such as carrier=UA,DL, found {text!r}")
    return {column: tuple(int(value) if value.lstrip("-").isdigit() else value for value in values.split(","))}


def _as_json(reports: Iterable[Report]) -> bool:
    fired = False
    for report in reports:
        fired = fired or bool(report.window.firing)
        for line in lines(report):
            print(json.dumps(line, ensure_ascii=False, allow_nan=False))
    return fired


def lines(report: Report) -> Iterator[dict[str, Any]]:
    """One plain value for each measurement of the window; what JSON cannot hold is None."""
    window = report.window
    for judged in window.judged:
        found = judged.measurement
        yield _plain(
            {
                "window": [_iso(window.start), _iso(window.end)],
                "version": report.version,
                "role": report.role,
                "monitor": found.monitor,
                "subject": found.subject,
                "statistic": found.statistic,
                "value": found.value,
                "interval": found.interval,
                "n": found.n,
                "p": found.p,
                "state": judged.state,
                "about": window.about,
                "detail": found.detail,
            }
        )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1e9, UTC).isoformat()


def _as_tables(reports: Iterable[Report]) -> bool:
    console, fired, windows = Console(), False, 0
    table = Table("window", "version", "rows", "alarms", "what moved most")
    for report in reports:
        window = report.window
        windows += 1
        firing = window.firing
        fired = fired or bool(firing)
        when = f"{datetime.fromtimestamp(window.start / 1e9, UTC):%Y-%m-%d %H:%M} to "
        when += f"{datetime.fromtimestamp(window.end / 1e9, UTC):%Y-%m-%d %H:%M}"
        rows = f"{window.n:,}" if window.about == "answers" else f"{window.labelled:,} labelled"
        alarms = "\n".join(f"[red]{_what(each)}[/]" for each in firing) or "–"
        table.add_row(when, str(report.version), rows, alarms, "\n".join(map(_what, _most(window.judged))))
    console.print(table if windows else "No answers of this role in the log.")
    return fired


def _most(judged: Sequence[Judged]) -> list[Judged]:
    """What is farthest from the reference; of labelled windows, what was realised."""
    drifted = [each for each in judged if each.measurement.statistic == "psi" and each.measurement.enough]
    drifted.sort(key=lambda each: -each.measurement.value)
    realised = [
        each for each in judged if each.measurement.statistic in ("coverage", "realised") and each.measurement.enough
    ]
    return (drifted or realised)[:MOST]


def _what(judged: Judged) -> str:
    found = judged.measurement
    return f"{found.monitor} {found.subject} {found.statistic} {found.value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
