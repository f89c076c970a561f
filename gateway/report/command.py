"""`driftgate report`: what came in, what drifted, how it performed, for which groups, and what was rolled out."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.errors import SetupError
from gateway.storage import catch_up
from gateway.terminal import DEFAULT_CONFIG, Moment, as_json, load_config, out


@click.command()
@click.argument("model")
@click.option("--config", type=click.Path(path_type=Path), default=DEFAULT_CONFIG, show_default=True)
@click.option("--from", "begin", type=Moment(), help="Requests from this time on (UTC).")
@click.option("--to", "end", type=Moment(), help="Requests before this time.")
@click.option(
    "--version", "versions", type=click.IntRange(1), multiple=True, help="Only this one; may stand several times."
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="[default: MODEL.html, none with --json]"
)
@as_json
def report(
    model: str,
    config: Path,
    begin: int | None,
    end: int | None,
    versions: tuple[int, ...],
    output: Path | None,
    machine: bool,
) -> None:
    """Write one HTML file that tells how MODEL did, for people who open no dashboard."""
    if begin is not None and end is not None and begin >= end:
        raise click.UsageError("--from must be before --to")
    # Parquet and the monitors are slow to import, and few commands need them.
    from gateway.report.compilation import compile_report  # noqa: PLC0415
    from gateway.report.page import page  # noqa: PLC0415
    from gateway.report.period import Period  # noqa: PLC0415
    from gateway.report.question import Question  # noqa: PLC0415

    settings = load_config(config)
    catch_up(settings)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(model, total=None)
        question = Question(model, Period(begin, end), tuple(sorted(set(versions))))
        found = compile_report(settings, question, lambda done, total: bar.update(task, completed=done, total=total))
    target = output or (None if machine else Path(f"{model}.html"))
    if target is not None:
        _write(target, page(found))
    if machine:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    for sentence in found.summary:
        out.print(sentence, markup=False, highlight=False, soft_wrap=True)
    out.print(f"{target}: {target.stat().st_size if target else 0:,} bytes", markup=False, soft_wrap=True)


def _write(path: Path, text: str) -> None:
    """The file appears when it is complete."""
    staged = path.with_name(f"{path.name}.tmp")
    try:
        staged.write_text(text, encoding="utf-8")
        staged.replace(path)
    except OSError as problem:
        raise SetupError(f"{path}: cannot be written: {problem}") from None
    finally:
        staged.unlink(missing_ok=True)
