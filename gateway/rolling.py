"""The commands on configuration and rollouts: `driftgate plan`, `apply`, `history`, and those that tell a rollout what to do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click
from rich.text import Text

from gateway.config import Config, read_config
from gateway.draft import Draft
from gateway.errors import BadRequest, ConfigError, NotFound, SetupError
from gateway.management import Verb
from gateway.pidfile import PidFile
from gateway.remote import Remote, login
from gateway.scoreboard import diff_text, history_table
from gateway.terminal import DEFAULT_CONFIG, as_json, load_config, out

POLL_S = 0.5
"""How often `apply --watch` looks at its file."""

_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=DEFAULT_CONFIG)
_CONFIG = click.option("--config", type=click.Path(path_type=Path), default=DEFAULT_CONFIG, show_default=True)
_DOES = {
    "pause": "Have the rollout of MODEL stay where it is: the same shares, no further step, and no gate is looked at.",
    "resume": "Have the rollout of MODEL go on, at the step where it was paused.",
    "promote": "Give the candidate of MODEL all traffic at once, whatever the gates say.",
    "abort": "Give the stable version of MODEL all traffic at once, and end its rollout.",
    "approve": "Agree that the candidate of MODEL, which has passed all gates on all steps, gets all traffic.",
}


@click.command()
@_FILE
@as_json
def plan(file: Path, machine: bool) -> None:
    """Show what applying FILE would change, in words and as a diff, once all is checked. Changes nothing."""
    settings = read_config(file)
    found = remote(settings).plan(settings)
    if machine:
        click.echo(json.dumps(found, indent=2))
        return
    for change in found["changes"]:
        say(change)
    say("" if found["changes"] else "Nothing would change.")
    if found["diff"]:
        out.print(diff_text(found["diff"]), soft_wrap=True, end="")


@click.command()
@_FILE
@click.option("--watch", is_flag=True, help="Go on, and apply FILE whenever it changes, until Ctrl-C.")
@as_json
def apply(file: Path, watch: bool, machine: bool) -> None:
    """Put FILE into force on the running gateway: all of it, or nothing if anything in it cannot be."""
    settings = read_config(file)
    gateway = remote(settings)

    def put() -> None:
        report(gateway.apply(read_config(file)), machine)

    if not watch:
        put()
        return
    try:
        keep(Draft(file), put, lambda: time.sleep(POLL_S))
    except KeyboardInterrupt:
        return


@click.command()
@click.argument("model", required=False)
@_CONFIG
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many, at the most.")
@as_json
def history(model: str | None, config: Path, limit: int, machine: bool) -> None:
    """Show what was changed, of MODEL or of all: when, by whom, from what to what, and why."""
    events = remote(load_config(config)).history(model, limit)
    if machine:
        click.echo(json.dumps(events, indent=2))
    elif events:
        out.print(history_table(events))
    else:
        say("Nothing was changed yet.")


def keep(draft: Draft, put: Callable[[], None], wait: Callable[[], None]) -> None:
    """Puts the file into force, and again whenever it has changed; tells what is refused, and goes on for ever.

    While no gateway answers, what changed waits for one.
    """
    waiting, said = True, ""
    while True:
        if waiting:
            try:
                put()
                waiting, said = False, ""
            except (BadRequest, NotFound, ConfigError) as problem:
                click.echo(f"driftgate: {problem.message}", err=True)
                waiting, said = False, ""
            except SetupError as problem:
                if problem.message != said:
                    click.echo(f"driftgate: {problem.message}; trying again", err=True)
                said = problem.message
        wait()
        waiting = draft.changed(time.time_ns()) or waiting


def report(found: dict[str, Any], machine: bool) -> None:
    """Prints what applying has changed; with `machine`, as one line of JSON."""
    if machine:
        click.echo(json.dumps(found))
        return
    for change in found["changes"]:
        say(change)
    say(f"Revision {found['revision']}{' is in force.' if found['changed'] else ': nothing changes.'}")


def remote(settings: Config) -> Remote:
    """The gateway of this configuration."""
    try:
        pid = PidFile.running(settings.data)
    except OSError:  # another user's: it can be spoken to all the same
        pid = None
    return Remote(settings.listen, login(), pid)


def say(words: str) -> None:
    """Prints words as they are: no markup, and lines as long as they are."""
    out.print(Text(words), soft_wrap=True)


def _command(verb: Verb) -> click.Command:
    @click.command(name=verb, help=_DOES[verb])
    @click.argument("model")
    @click.option("--why", default="", help="For the history.")
    @_CONFIG
    @as_json
    def command(model: str, why: str, config: Path, machine: bool) -> None:
        found = remote(load_config(config)).command(model, verb, why)
        if machine:
            click.echo(json.dumps(found, indent=2))
        else:
            say(f"{found['model']}: {found['state']}")

    return command


rollout_commands: tuple[click.Command, ...] = (plan, apply, *map(_command, get_args(Verb)), history)
"""For the group `driftgate`."""
