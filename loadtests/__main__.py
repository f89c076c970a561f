"""The command line: `python -m loadtests run | bench | monitors | routing | observer | scraping | peers install`.

Exit codes: 0 done, 1 refused or failed, 2 usage.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import httpx
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from loadtests import engine, observer, scraping, wrk
from loadtests.bench import Effort, bench
from loadtests.contender import contenders, peers
from loadtests.costs import costs
from loadtests.deciding import routing
from loadtests.errors import LoadError
from loadtests.machine import machine
from loadtests.monitors import WATCHERS, measure
from loadtests.peers.environment import PEERS, install
from loadtests.plan import plan
from loadtests.report import Comparison, comparison, console, single
from loadtests.request import requests
from loadtests.scenario import Scenario, read_scenario
from loadtests.target import Target, loopback

ENGINES = {"python": engine.measure, "wrk": wrk.measure}
SCENARIOS = Path(__file__).parent / "scenarios"
ENGINE = click.option("--engine", "engine_name", type=click.Choice(list(ENGINES)), default="python", show_default=True)


@click.group()
def cli() -> None:
    """Load tests for servers on this machine."""


@cli.command("run")
@click.argument("scenario")
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="a loopback address")
@click.option("--json", "as_json", is_flag=True, help="one JSON object instead of a table")
@ENGINE
def run(scenario: str, url: str, as_json: bool, engine_name: str) -> None:
    """Puts one server under load. SCENARIO is a file, or the name of one in loadtests/scenarios."""
    path = Path(scenario) if scenario.endswith(".yaml") else SCENARIOS / f"{scenario}.yaml"
    chosen, target = read_scenario(path), loopback(url)
    work = plan(chosen, requests(chosen, _metadata(chosen, target)), target)
    screen = console(stderr=True)
    with screen.status(f"{chosen.name}: {chosen.warm_up_s + chosen.duration_s:g} s on {target.url}"):
        found = ENGINES[engine_name](work)
    if as_json:
        click.echo(found.model_dump_json())
    else:
        console().print(single(chosen.name, found))
    if not found.answered:
        raise LoadError(f"no request was answered with 200: statuses {found.statuses}, errors {found.errors}")


@cli.command("bench")
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True)
@click.option("--seconds", type=click.FloatRange(0.5, 60), default=5.0, show_default=True, help="for each measurement")
@click.option("--connections", type=click.IntRange(1, 512), default=32, show_default=True)
@click.option("--peers", "with_peers", is_flag=True, help="other projects' servers too, where installed")
@click.option("--only", multiple=True, metavar="SERVER", help="leave out all others but bare; may be repeated")
@click.option("--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="write all results there too")
@ENGINE
def compare(*, with_peers: bool, only: tuple[str, ...], path: Path | None, engine_name: str, **effort: Any) -> None:
    """Compares the gateway with a bare server, with Ray Serve's defaults, and with its peers."""
    field, skipped = contenders(), list[str]()
    if with_peers:
        found, skipped = peers()
        field += found
    if unknown := set(only) - {contender.name for contender in field}:
        raise click.UsageError(f"--only: no server {sorted(unknown)}, there are {[one.name for one in field]}")
    if only:
        field, skipped = [one for one in field if one is field[0] or one.name in only], []
    facts = machine()
    amount = Effort(**effort)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console(stderr=True), refresh_per_second=2, transient=True) as bar:
        task = bar.add_task("", total=amount.rounds * len(field), completed=-1)
        standings = bench(
            field, amount, ENGINES[engine_name], lambda what: bar.update(task, advance=1, description=what)
        )
    made = Comparison(
        machine=facts, effort=amount, engine=engine_name, standings=tuple(standings), skipped=tuple(skipped)
    )
    if path:
        path.write_text(made.model_dump_json(indent=1) + "\n", encoding="utf-8")
    console().print(comparison(made))
    if any(standing.failures for standing in standings):
        sys.exit(1)


@cli.command("monitors")
@click.option("--rows", type=click.IntRange(2048, 10_000_000), default=40_960, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True, help="the best of so many counts")
@click.option("--peers", "with_peers", is_flag=True, help="other projects' drift reports too, where installed")
@click.option("--install", "first", is_flag=True, help="install those first, each into an environment of its own")
@click.option("--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="write all results there too")
def monitors(rows: int, rounds: int, with_peers: bool, first: bool, path: Path | None) -> None:
    """Measures what each monitor costs for a row of 30 features, and all of them together."""
    for peer in WATCHERS if first else ():
        install(peer, click.echo)
    screen = console(stderr=True)
    with screen.status("making rows") as status:
        found = measure(rows, rounds, peers=with_peers or first, step=lambda what: status.update(f"measuring {what}"))
    if path:
        path.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    console().print(costs(found))


cli.add_command(routing)


@cli.command("observer")
@click.option(
    "--rows", type=click.IntRange(10_000, 10_000_000), default=300_000, show_default=True, help="of the backlog"
)
@click.option("--seconds", type=click.FloatRange(1, 300), default=20.0, show_default=True, help="at 80 % of the peak")
@click.option(
    "--answers",
    type=click.IntRange(0, 10_000_000),
    default=1_000_000,
    show_default=True,
    help="rows over which memory is watched; 0: not at all",
)
@click.option("--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="write all results there too")
def follow(rows: int, seconds: float, answers: int, path: Path | None) -> None:
    """Measures the observer: a backlog worked off, one replica followed under load, memory over many answers."""
    with console(stderr=True).status("reading flights") as status:
        found = observer.measure(rows, seconds, answers, status.update)
    if path:
        path.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    console().print(observer.table(found))


@cli.command("scraping")
@click.option("--rounds", type=click.IntRange(1, 50), default=6, show_default=True, help="without and with scrapes")
@click.option("--seconds", type=click.FloatRange(1, 300), default=10.0, show_default=True, help="for each measurement")
@click.option("--scrapes", type=click.IntRange(1, 3600), default=60, show_default=True, help="of the idle gateway")
@click.option("--json", "path", type=click.Path(path_type=Path, dir_okay=False), help="write all results there too")
def scrapes(rounds: int, seconds: float, scrapes: int, path: Path | None) -> None:
    """Measures what it costs to be scraped each second: 5 models of 3 versions with 30 features."""
    with console(stderr=True).status("making models") as status:
        found = scraping.measure(rounds, seconds, scrapes, status.update)
    if path:
        path.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    console().print(scraping.table(found))


@cli.group("peers")
def peers_group() -> None:
    """The servers of other projects."""


@peers_group.command("install")
@click.argument("names", nargs=-1, type=click.Choice([peer.name for peer in PEERS]))
def install_peers(names: tuple[str, ...]) -> None:
    """Installs the peers, or only those NAMED, each into an environment of its own below .venv-peers."""
    failed = []
    for peer in PEERS:
        if not names or peer.name in names:
            try:
                install(peer, click.echo)
            except LoadError as problem:
                failed.append(problem.message)
    if failed:
        raise LoadError("\n".join(failed))


def _metadata(scenario: Scenario, target: Target) -> dict[str, Any] | None:
    """What the server says of the scenario's model; None where no body asks for it."""
    if "described" not in scenario.model_dump_json(include={"body"}):
        return None
    path = scenario.path.removesuffix("/infer")
    try:
        answer = httpx.get(target.url + path, timeout=10, trust_env=False, headers=scenario.headers)
    except httpx.HTTPError as problem:
        raise LoadError(f"{target.url}{path}: {problem}") from None
    if answer.status_code != 200:
        raise LoadError(f"{target.url}{path}: expected 200, found {answer.status_code}")
    found: dict[str, Any] = answer.json()
    return found


def main() -> None:
    """Runs the command line; what this package refuses is a sentence, not a traceback."""
    try:
        cli(prog_name="python -m loadtests")
    except LoadError as problem:
        click.echo(problem.message, err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
