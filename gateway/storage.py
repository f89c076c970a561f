"""The commands about what was recorded: `driftgate export`, `driftgate forget`."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.client import post
from gateway.config import Config
from gateway.errors import SetupError
from gateway.pidfile import PidFile
from gateway.policy import keyed_hash
from gateway.record import Role
from gateway.secret import redaction_key
from gateway.terminal import DEFAULT_CONFIG, as_json, load_config, out


class Moment(click.ParamType[int]):
    """A date or a time, ISO 8601, UTC unless it says otherwise; as ns since the epoch."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The moment."""
        if isinstance(value, int):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"expected a time such as 2026-11-23 or 2026-11-23T14:00:00Z, found {value!r}", param, ctx)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6) * 1000


_CONFIG = click.option("--config", type=click.Path(path_type=Path), default=DEFAULT_CONFIG, show_default=True)
_ROLES: dict[str, tuple[Role, ...]] = {"primary": ("primary",), "shadow": ("shadow",), "all": ("primary", "shadow")}


@click.command()
@click.argument("model")
@_CONFIG
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="[default: MODEL.parquet]")
@click.option("--from", "begin", type=Moment(), help="Answers from this time on (UTC).")
@click.option("--to", "end", type=Moment(), help="Answers before this time.")
@click.option(
    "--with-labels/--without-labels", default=True, show_default=True, help="Their columns are left out without."
)
@click.option("--role", type=click.Choice(list(_ROLES)), default="all", show_default=True)
@as_json
def export(
    model: str,
    config: Path,
    output: Path | None,
    begin: int | None,
    end: int | None,
    with_labels: bool,
    role: Literal["primary", "shadow", "all"],
    machine: bool,
) -> None:
    """Write all that MODEL answered up to now into one Parquet file, for retraining or analysis."""
    from gateway.store.export import export as write  # noqa: PLC0415 - pyarrow is slow to import, and few commands need it

    settings = load_config(config)
    target = output or Path(f"{model}.parquet")
    catch_up(settings)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(target.name, total=None)
        rows = write(
            settings.data,
            model,
            target,
            begin=begin,
            end=end,
            roles=_ROLES[role],
            with_labels=with_labels,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if machine:
        click.echo(json.dumps({"model": model, "output": str(target), "rows": rows}))
    else:
        out.print(f"{target}: {rows:,} rows, {target.stat().st_size:,} bytes")


@click.command()
@click.argument("model")
@_CONFIG
@click.option("--id", "ids", multiple=True, help="The id of a request; may be given several times.")
@click.option("--column", help="Instead of ids: a recorded column …")
@click.option("--value", help="… and the value that its rows have, as it was before it was hashed.")
@click.option("--hash", "digest", help="… or its hash, as it stands in the store.")
@as_json
def forget(
    model: str,
    config: Path,
    ids: tuple[str, ...],
    column: str | None,
    value: str | None,
    digest: str | None,
    machine: bool,
) -> None:
    """Remove one subject's rows of MODEL from everything that was recorded: files are written again without them."""
    if bool(ids) == bool(column) or bool(column) != (bool(value) or bool(digest)):
        raise click.UsageError("name either --id, or --column with --value or --hash")
    settings = load_config(config)
    kept = digest or (value and _recorded(settings, model, column, value))
    if PidFile.running(settings.data) is not None:
        body = {"ids": list(ids)} if ids else {"column": column, "value": kept}
        rows = post(settings.listen, f"/gateway/models/{model}/forget", body)["forgotten"]
    else:
        from gateway.observer.fold import Fold  # noqa: PLC0415 - as above

        fold = Fold(settings)
        try:
            fold.drain(time.time_ns(), patience_ns=0)
            rows = fold.forget(model, list(ids) or None, column, kept or None)
        finally:
            fold.close()
    if machine:
        click.echo(json.dumps({"model": model, "forgotten": rows}))
    else:
        out.print(f"{rows:,} rows of {model} are gone")
    if not rows:
        raise SetupError(f"nothing recorded of {model} matches")


def catch_up(settings: Config) -> None:
    """Returns when all that was answered before is in the store, whether a gateway runs or not."""
    if PidFile.running(settings.data) is not None:
        post(settings.listen, "/gateway/flush", {})
        return
    from gateway.observer.fold import Fold  # noqa: PLC0415 - as above

    fold = Fold(settings)
    try:
        fold.drain(time.time_ns(), patience_ns=0)
    finally:
        fold.close()


def _recorded(settings: Config, model: str, column: str | None, value: str) -> str:
    """The value as it stands in the store: hashed where the configuration says so."""
    wanted = settings.settings(model)
    hashed = wanted is not None and wanted.record.redact.get(column or "") == "hash"
    return keyed_hash(value, redaction_key(settings.data)) if hashed else value
