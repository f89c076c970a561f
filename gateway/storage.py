"""The commands about what was recorded: `driftgate export`, `driftgate forget`."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.client import Unreachable, post
from gateway.config import Config
from gateway.errors import SetupError
from gateway.pidfile import PidFile
from gateway.policy import keyed_hash
from gateway.record import Role
from gateway.secret import settled_key
from gateway.terminal import DEFAULT_CONFIG, Moment, as_json, load_config, out

if TYPE_CHECKING:
    from gateway.observer.fold import Fold

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
    kept = [digest] if digest else _recorded(settings, model, column, value) if column and value else [None]
    if PidFile.running(settings.data) is not None:
        path = f"/gateway/models/{quote(model, safe='')}/forget"
        bodies = [{"ids": list(ids)} if ids else {"column": column, "value": each} for each in kept]
        rows = sum(_ask(settings, path, body)["forgotten"] for body in bodies)
    else:
        with _folded(settings) as fold:
            rows = sum(fold.forget(model, list(ids) or None, column, each, time.time_ns()) for each in kept)
    if machine:
        click.echo(json.dumps({"model": model, "forgotten": rows}))
    else:
        out.print(f"{rows:,} rows of {model} are gone")
    if not rows:
        raise SetupError(f"nothing recorded of {model} matches")


def catch_up(settings: Config) -> None:
    """Returns when all that was answered before is in the store, whether a gateway runs or not."""
    if PidFile.running(settings.data) is not None:
        _ask(settings, "/gateway/flush", {})
    else:
        with _folded(settings):
            pass


def _ask(settings: Config, path: str, body: object) -> Any:
    try:
        return post(settings.listen, path, body)
    except Unreachable:
        pid = PidFile.running(settings.data)
        if pid is None:
            raise
        raise SetupError(f"the gateway (process {pid}) does not answer yet, or no longer; try again") from None


@contextmanager
def _folded(settings: Config) -> Iterator[Fold]:
    """The fold of a gateway that does not run, with all that was answered. Raises SetupError if nothing ever was."""
    from gateway.observer.fold import Fold  # noqa: PLC0415 - as above

    if not any((settings.data / name).exists() for name in ("journal", "state/store.sqlite")):
        raise SetupError(f"{settings.data}: nothing is recorded there yet")
    fold = Fold(settings)
    try:
        fold.drain(time.time_ns(), patience_ns=0)
        yield fold
    finally:
        fold.close()


def _recorded(settings: Config, model: str, column: str, value: str) -> list[str]:
    """The value as it may stand in the store: hashed where the configuration says so, of the input, output or group."""
    wanted = settings.settings(model)
    redact = wanted.record.redact if wanted is not None else {}
    kind, _, name = column.partition(".")
    hashed = "hash" in (redact.get(column), redact.get(name) if kind in ("group", "input", "output") else None)
    if not hashed:
        return [value]
    key = settled_key(settings.data)
    return [keyed_hash(written, key) for written in _written(value)]


def _written(value: str) -> list[str]:
    """The texts that may have been hashed for a value: of a number it depends on the datatype, 0.1 is 0.10000000149 in FP32.

    >>> _written("35")
    ['35', '35.0']
    """
    texts = [value, value.capitalize()] if value.lower() in ("true", "false") else [value]
    with suppress(ValueError):
        texts.append(str(float(value)))
    for width in "ef":  # FP16, FP32
        with suppress(ValueError, OverflowError):
            texts += map(str, struct.unpack(width, struct.pack(width, float(value))))
    return list(dict.fromkeys(texts))
