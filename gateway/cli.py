"""`driftgate`: the command line. Exit codes: 0 done, 1 refused, 2 wrong usage."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from gateway import environment, orphans
from gateway.client import fetch
from gateway.config import Config, ModelConfig
from gateway.desired import routing_of
from gateway.errors import ConfigError, GatewayError, RepositoryError, SetupError
from gateway.labels.command import labels
from gateway.log import log_file, open_log
from gateway.pidfile import PidFile
from gateway.recorder import recipes
from gateway.recordings import profile, replay
from gateway.report.command import report
from gateway.repository import served
from gateway.rolling import rollout_commands
from gateway.routing import SHADOWS
from gateway.scoreboard import follow, rollout_table, shadow_table
from gateway.secret import settle_key
from gateway.shadow.report import reports, told
from gateway.stickiness import misfit
from gateway.storage import export, forget
from gateway.terminal import Commands, as_json, configured, load_config, out
from gateway.version import LocalRunner, prepare


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="driftgate")
def main() -> None:
    """Serve versioned ONNX models, and watch them while they work."""


@main.command()
@configured
@click.option("--insecure", is_flag=True, help="Listen beyond this machine although nobody has to authenticate.")
def up(config: Path, insecure: bool) -> None:
    """Start the gateway, and run it until Ctrl-C, SIGTERM or `driftgate down`."""
    settings = load_config(config)
    check_exposure(settings, insecure)
    run = environment.run_folder(settings)
    with PidFile(settings.data), PidFile(run, f"port {settings.listen.http}"):
        open_log(settings.data, settings.log.format, settings.log.level)
        if any("hash" in model.record.redact.values() for model in (settings.models or {}).values()):
            settle_key(settings.data)
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
            shutil.rmtree(run, ignore_errors=True)
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
@click.option("--follow", "followed", is_flag=True, help="Show how the rollouts go on, until Ctrl-C.")
@as_json
def status(config: Path, followed: bool, machine: bool) -> None:
    """Show what a running gateway serves, and how its rollouts and shadows stand."""
    settings = load_config(config)
    if followed:
        follow(lambda: standings(settings), out)
        return
    shadows = [told(report) for report in reports(settings.data, time.time_ns())]
    found = {**fetch(settings.listen, "/gateway/status"), "rollouts": standings(settings), "shadows": shadows}
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
    if found["rollouts"]:
        out.print(rollout_table(found["rollouts"]))
    if shadows:
        out.print(shadow_table(shadows))


def standings(settings: Config) -> Any:
    """How the rollouts of a running gateway stand."""
    return fetch(settings.listen, "/gateway/rollouts")["rollouts"]


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
        if row["state"] != "READY" and row["reason"] != SHADOWS:
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
        recipes(config, b"")(version)
    except GatewayError as problem:
        return {**row, "problem": problem.message}
    problem_with_key = misfit(routing_of(settings).sticky, folder.label, version.signature.inputs)
    if problem_with_key:
        return {**row, "problem": problem_with_key}
    assert isinstance(version.runner, LocalRunner)
    measured = version.runner.measured
    where = "own process" if settings.placement == "dedicated" else "inline" if measured.inline_rows else "thread"
    return {**row, "runs": where, "row_us": measured.row_ns / 1000}


for command in (profile, replay, labels, export, report, forget, *rollout_commands):
    main.add_command(command)

if __name__ == "__main__":
    main()
