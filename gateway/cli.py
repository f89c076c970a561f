"""`driftgate`: the command line. Exit codes: 0 done, 1 refused, 2 wrong usage."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from gateway import environment, orphans
from gateway.client import base_url, fetch
from gateway.config import Config, ModelConfig, read_config, rooted
from gateway.errors import ConfigError, GatewayError, RepositoryError, SetupError
from gateway.log import log_file, open_log
from gateway.manifest import read_manifest
from gateway.pidfile import PidFile
from gateway.repository import served
from gateway.version import LocalRunner, prepare

DEFAULT_CONFIG = Path("gateway.yaml")
out = Console()


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


class Commands(click.Group):
    """Prints what went wrong as a sentence on stderr, and exits 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GatewayError as problem:
            click.echo(f"driftgate: {problem.message}", err=True)
            sys.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="driftgate")
def main() -> None:
    """Serve versioned ONNX models, and watch them while they work."""


def configured(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the argument CONFIG."""
    return click.argument("config", type=click.Path(path_type=Path), default=DEFAULT_CONFIG)(command)


def as_json(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the option --json."""
    return click.option("--json", "machine", is_flag=True, help="Print JSON, for machines.")(command)


@main.command()
@configured
@click.option("--insecure", is_flag=True, help="Listen beyond this machine although nobody has to authenticate.")
def up(config: Path, insecure: bool) -> None:
    """Start the gateway, and run it until Ctrl-C, SIGTERM or `driftgate down`."""
    settings = load_config(config)
    check_exposure(settings, insecure)
    open_log(settings.data)
    run = environment.run_folder(settings)
    with PidFile(settings.data), PidFile(run, f"port {settings.listen.http}"):
        orphans.reap(run)
        prepared = environment.prepare(settings)
        began = time.monotonic()
        from gateway import app  # noqa: PLC0415 - imports Ray, which reads the environment

        stopping = threading.Event()
        on_signal(stopping)
        try:
            with out.status("Starting…"):
                app.start(settings)
            on_signal(stopping)  # Ray has put its own handlers in place
            announce(settings, prepared.balanced, time.monotonic() - began)
            app.wait_until_stopped(stopping)
        finally:
            out.print("Stopping: requests under way finish…")
            with quiet():
                app.stop()
            orphans.reap(run)
        out.print("Stopped.")


@main.command()
@configured
@click.option("--timeout", default=60.0, show_default=True, help="Seconds to wait.")
def down(config: Path, timeout: float) -> None:
    """Stop the gateway that `up CONFIG` started; requests under way finish."""
    settings = load_config(config)
    pid = PidFile.running(settings.data)
    if pid is None:
        raise SetupError(f"no gateway is running with data in {settings.data}")
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + timeout
    while PidFile.running(settings.data) == pid:
        if time.monotonic() > end:
            raise SetupError(f"process {pid} is still running after {timeout:g} s")
        time.sleep(0.1)
    out.print("Stopped.")


@main.command()
@configured
@as_json
def check(config: Path, machine: bool) -> None:
    """Check the configuration and every version it serves: hash, signature, golden requests. Starts nothing."""
    logging.getLogger("driftgate").addHandler(logging.NullHandler())
    settings = load_config(config)
    rows = [_checked(settings, folder) for versions in served(settings).values() for folder in versions.values()]
    failed = [row for row in rows if row["problem"]]
    if machine:
        click.echo(json.dumps(rows, indent=2))
    else:
        table = Table("model", "version", "runs", "one row", "verdict")
        for row in rows:
            cost = "" if row["row_us"] is None else f"{row['row_us']:.0f} µs"
            table.add_row(
                row["model"], str(row["version"]), row["runs"], cost, escape(row["problem"]) or "[green]fit[/green]"
            )
        out.print(table)
    if failed:
        raise RepositoryError(f"{len(failed)} of {len(rows)} versions would not be served")


@main.command()
@configured
@as_json
def status(config: Path, machine: bool) -> None:
    """Show what a running gateway serves."""
    settings = load_config(config)
    found = fetch(settings.listen, "/gateway/status")
    if machine:
        click.echo(json.dumps(found, indent=2))
        return
    table = Table("model", "version", "state", "traffic", "answered", "reason")
    for row in found["models"]:
        share = f"{row['share']:.0%}" if row["share"] else "–"
        table.add_row(
            row["model"], str(row["version"]), row["state"], share, f"{row['answered']:,}", escape(row["reason"])
        )
    out.print(table)
    out.print(f"{len(found['replicas'])} replicas, revision {found['revision']}")


@main.command()
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


@main.command()
@click.argument("model")
@click.option("--config", type=click.Path(path_type=Path), default=DEFAULT_CONFIG, show_default=True)
@click.option(
    "--speed", type=Speed(), default="3600x", show_default=True, help="60x: a minute in a second; max: at once."
)
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many requests.")
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), help="The recording, if not in the model's folder."
)
@as_json
def replay(model: str, config: Path, speed: float, limit: int | None, data: Path | None, machine: bool) -> None:
    """Send the recorded requests of MODEL to a running gateway, in order."""
    from gateway import replay as recorded  # noqa: PLC0415 - as above

    settings = load_config(config)
    path = data or recorded.recording(settings.repository, model)
    inputs = fetch(settings.listen, f"/v2/models/{model}")["inputs"]
    total = min(pq_rows(path), limit or sys.maxsize)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(model, total=total)
        summary = asyncio.run(
            recorded.replay(
                f"{base_url(settings.listen)}/v2/models/{model}/infer",
                recorded.requests(path, inputs, limit),
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
        table.add_row("refused", f"{count:,} × {reason}")
    out.print(table)


def pq_rows(path: Path) -> int:
    """How many rows a Parquet file has. Raises SetupError if it is none."""
    import pyarrow as pa  # noqa: PLC0415 - as above
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowInvalid) as problem:
        raise SetupError(f"{path}: not a Parquet file: {problem}") from None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hides what Ray prints about its own parts while it stops them."""
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def on_signal(stopping: threading.Event) -> None:
    """Has SIGINT and SIGTERM set the event."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())


def load_config(path: Path) -> Config:
    """The configuration at `path`; without the default file, the defaults, with models below the working folder."""
    if path == DEFAULT_CONFIG and not path.exists():
        return rooted(Config(), Path.cwd())
    return read_config(path)


def check_exposure(config: Config, insecure: bool) -> None:
    """Raises ConfigError if others could connect, and nobody said that they may."""
    if not config.listen.loopback and not insecure:
        raise ConfigError(
            f"listen.host is {config.listen.host}: whoever reaches this machine could use the gateway, for nobody has to "
            f"authenticate yet. Listen on 127.0.0.1 behind a proxy that authenticates, or say: driftgate up --insecure"
        )


def announce(config: Config, balanced: bool, seconds: float) -> None:
    """Tells where the gateway answers, and what it does not serve."""
    listen = config.listen
    found = fetch(listen, "/gateway/status")
    out.print(f"Ready in {seconds:.1f} s", style="bold green")
    out.print(f"  REST    http://{listen.host}:{listen.http}/v2")
    out.print(f"  gRPC    {listen.host}:{listen.grpc}")
    out.print(f"  log     {log_file(config.data)}")
    ready = [f"{row['model']}/{row['version']}" for row in found["models"] if row["state"] == "READY"]
    out.print(f"  serving {', '.join(ready) or 'nothing'}")
    for row in found["models"]:
        if row["state"] != "READY":
            out.print(f"  not served: {escape(row['reason'])}", style="bold red")
    if not balanced:
        out.print(
            "  no HAProxy for this platform: Ray Serve's own proxy stands in front; all works, slower", style="yellow"
        )
    example = config.repository / "flights" / "1" / "golden.json"
    if example.exists() and "flights/1" in ready:
        out.print("Predict the delay of a flight:", style="bold")
        click.echo(
            f"  curl -s http://{listen.host}:{listen.http}/v2/models/flights/infer -d @docs/examples/flight.json"
        )
    out.print("Ctrl-C stops it.")


def _checked(config: Config, folder: Any) -> dict[str, Any]:
    row = {"model": folder.model, "version": folder.version, "runs": "", "row_us": None, "problem": ""}
    settings = config.settings(folder.model) or ModelConfig()
    try:
        version = prepare(folder, settings, config.limits)
    except GatewayError as problem:
        return {**row, "problem": problem.message}
    assert isinstance(version.runner, LocalRunner)
    measured = version.runner.measured
    where = "own process" if settings.placement == "dedicated" else "inline" if measured.inline_rows else "thread"
    return {**row, "runs": where, "row_us": measured.row_ns / 1000}


if __name__ == "__main__":
    main()
