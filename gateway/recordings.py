"""The commands about recorded data: `driftgate profile`, `driftgate replay`."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from gateway.client import base_url, fetch
from gateway.errors import SetupError
from gateway.manifest import read_manifest
from gateway.terminal import DEFAULT_CONFIG, Moment, as_json, load_config, out


class Speed(click.ParamType[float]):
    """`60x`, `0.5x` or `max` (0)."""

    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The factor."""
        if isinstance(value, float):
            return value
        if value == "max":
            return 0.0
        match = re.fullmatch(r"(\d+(?:\.\d+)?)x?", str(value))
        if match is None or not float(match[1]):
            self.fail(f"expected a factor such as 60x, or max, found {value!r}", param, ctx)
        return float(match[1])


@click.command()
@click.argument("data", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--manifest", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option("--output", type=click.Path(path_type=Path), default=Path("reference.npz"), show_default=True)
def profile(data: Path, manifest: Path, output: Path) -> None:
    """Make the reference profile of training DATA, a Parquet file, for drift to be measured against."""
    from gateway.profile import profile as build  # noqa: PLC0415 - pyarrow is slow to import, and few commands need it

    with out.status(f"Reading {data}…"):
        reference = build(data, read_manifest(manifest))
    reference.save(output)
    out.print(f"{output}: {reference.rows:,} rows, {len(reference.columns)} columns")


@click.command()
@click.argument("model")
@click.option("--config", type=click.Path(path_type=Path), default=DEFAULT_CONFIG, show_default=True)
@click.option(
    "--speed", type=Speed(), default="3600x", show_default=True, help="60x: a minute in a second; max: at once."
)
@click.option("--from", "begin", type=Moment(), help="Start with the requests of this time, such as 2013-04-01.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many requests.")
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), help="The recording, if not in the model's folder."
)
@click.option("--labels/--no-labels", default=True, show_default=True, help="Send labels too, when they became known.")
@as_json
def replay(
    model: str,
    config: Path,
    speed: float,
    begin: int | None,
    limit: int | None,
    data: Path | None,
    labels: bool,
    machine: bool,
) -> None:
    """Send the recorded requests of MODEL to a running gateway, in order, and their labels."""
    from gateway.replay import recording, sending  # noqa: PLC0415 - as above

    settings = load_config(config)
    path = data or recording.recording(settings.repository, model)
    inputs = fetch(settings.listen, f"/v2/models/{model}")["inputs"]
    total = min(recording.rows(path, begin), limit or sys.maxsize)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(model, total=total)
        summary = asyncio.run(
            sending.replay(
                f"{base_url(settings.listen)}/v2/models/{model}",
                recording.requests(path, inputs, limit, begin=begin, labels=labels),
                speed,
                lambda moment: bar.update(task, advance=1, description=f"{model} {moment:%Y-%m-%d %H:%M}"),
            )
        )
    report = summary.report()
    if machine:
        click.echo(json.dumps(report, indent=2))
    else:
        summarize(report)
    if report["refused"]:
        raise SetupError(f"{report['sent'] - report['answered']} of {report['sent']} requests were not answered")
    if report["labels"]["refused"]:
        refused = sum(report["labels"]["refused"].values())
        raise SetupError(f"{refused} of {report['labels']['sent']} labels were refused")


def summarize(report: dict[str, Any]) -> None:
    """Prints what a replay met."""
    table = Table(show_header=False)
    shares = ", ".join(f"version {version}: {count:,}" for version, count in report["by_version"].items())
    table.add_row("recorded", f"{report['from']} to {report['to']}")
    table.add_row("answered", f"{report['answered']:,} of {report['sent']:,} in {report['seconds']:.1f} s")
    table.add_row("by version", shares)
    if report["p50_ms"] is not None:
        table.add_row("latency", f"p50 {report['p50_ms']:.1f} ms, p99 {report['p99_ms']:.1f} ms")
    if report["behind_s"] > 1:
        table.add_row(
            "behind", f"{report['behind_s']:.1f} s: the gateway or this machine was slower than the recording"
        )
    for reason, count in report["refused"].items():
        table.add_row("refused", f"{count:,} × {escape(reason)}")
    labels = report["labels"]
    if labels["sent"]:
        ahead = f"; ahead of their time: {labels['early']:,}" if labels["early"] else ""
        table.add_row(
            "labels",
            f"{labels['accepted']:,} of {labels['sent']:,} accepted, {labels['duplicate']:,} known before{ahead}",
        )
    for reason, count in labels["refused"].items():
        table.add_row("labels refused", f"{count:,} × {escape(reason)}")
    out.print(table)
