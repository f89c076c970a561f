"""The command `driftgate labels`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from gateway.client import base_url, fetch
from gateway.config import Listen
from gateway.errors import SetupError
from gateway.labels.label import Domain
from gateway.terminal import DEFAULT_CONFIG, as_json, load_config, out

_FORMATS = ("csv", "parquet", "jsonl")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--model", required=True, help="Whose answers they are labels of.")
@click.option("--config", type=click.Path(path_type=Path), default=DEFAULT_CONFIG, show_default=True)
@click.option("--format", "form", type=click.Choice(_FORMATS), help="If the suffix does not tell.")
@click.option("--id-column", default="id", show_default=True, help="The ids of the requests.")
@click.option("--label-column", default="label", show_default=True)
@click.option("--time-column", help="When each became known.  [default: time, if there is one]")
@click.option("--row-column", help="The row of the request.  [default: row, if there is one; else 0]")
@as_json
def labels(
    file: Path,
    model: str,
    config: Path,
    form: str | None,
    id_column: str,
    label_column: str,
    time_column: str | None,
    row_column: str | None,
    machine: bool,
) -> None:
    """Send the labels in FILE (CSV, Parquet or JSON lines) to a running gateway. Sending them again does no harm."""
    from gateway.labels.delivery import Tally, deliver  # noqa: PLC0415 - pyarrow is slow to import, and few commands need it
    from gateway.labels.files import Columns, Format, count, format_of, read  # noqa: PLC0415

    listen = load_config(config).listen
    chosen = cast(Format, form) if form else format_of(file)
    required = frozenset(name for name in (time_column, row_column) if name)
    columns = Columns(id_column, label_column, time_column or "time", row_column or "row", required)
    path = f"/v2/models/{model}/labels"
    domains, tally = domains_of(listen, path), Tally()
    shown = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    try:
        with Progress(*shown, console=Console(stderr=True)) as bar:
            task = bar.add_task(escape(file.name), total=count(file, chosen))
            rows = read(file, chosen, columns)
            url, text = base_url(listen) + path, chosen == "csv"
            asyncio.run(
                deliver(url, rows, model, domains, tally, lambda line: bar.update(task, completed=line), text=text)
            )
            bar.update(task, completed=bar.tasks[0].total)
    finally:
        report = {"file": str(file), **tally.report()}
        click.echo(json.dumps(report, indent=2)) if machine else summarize(report)
    if tally.first:
        line, sentence = tally.first
        raise SetupError(f"{tally.refused} of {tally.read} labels were refused; the first: {file}:{line}: {sentence}")


def domains_of(listen: Listen, path: str) -> list[Domain]:
    """What the gateway takes for a label of a model. Raises SetupError."""
    try:
        return msgspec.convert(fetch(listen, path)["expects"], list[Domain])
    except (msgspec.ValidationError, KeyError, TypeError):
        raise SetupError(f"what answers at {base_url(listen)}{path} is no gateway that takes labels") from None


def summarize(report: dict[str, Any]) -> None:
    """Prints what became of a file."""
    table = Table(show_header=False)
    table.add_row("read", f"{report['read']:,}")
    table.add_row("accepted", f"{report['accepted']:,}, of which corrections: {report['corrected']:,}")
    table.add_row("known before", f"{report['duplicate']:,}")
    if report["without_label"]:
        table.add_row("without a label", f"{report['without_label']:,}")
    if report["refused"]:
        problem = report["first_problem"]
        where = escape(f"the first is {report['file']}:{problem['line']}: {problem['error']}")
        table.add_row("refused", f"{report['refused']:,}; {where}")
    out.print(table)
