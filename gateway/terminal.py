"""What the commands share: the terminal, errors as sentences, the configuration, --json."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from gateway.config import Config, read_config, rooted
from gateway.errors import GatewayError

DEFAULT_CONFIG = Path("gateway.yaml")
out = Console()


class Commands(click.Group):
    """Prints what went wrong as a sentence on stderr, and exits 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GatewayError as problem:
            click.echo(f"driftgate: {problem.message}", err=True)
            sys.exit(1)


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


def configured(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the argument CONFIG."""
    return click.argument("config", type=click.Path(path_type=Path), default=DEFAULT_CONFIG)(command)


def as_json(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the option --json."""
    return click.option("--json", "machine", is_flag=True, help="Print JSON, for machines.")(command)


def load_config(path: Path) -> Config:
    """The configuration at `path`; without the default file, the defaults, with models below the working folder."""
    if path == DEFAULT_CONFIG and not path.exists():
        return rooted(Config(), Path.cwd())
    return read_config(path)
