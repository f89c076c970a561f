"""What a shadow has done: the one file that says which primaries are accounted for, and what was found.

It lies in `state/readers`, so that the observer keeps what it has still to read (see journal.places).
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from gateway.config import Config
from gateway.journal.places import DERIVED, readers_folder
from gateway.journal.reader import Place
from gateway.shadow.comparison import Comparison
from gateway.traffic import RolloutConfig


class Checkpoint(msgspec.Struct):
    """since: primaries that came before (ns since the epoch) are not owed. published: the last journal of answers.

    ahead: primaries behind their journal's place that are accounted for already, as (at, id). strikes: how often the process
    died while it ran a primary, by the same; fruitless: how often in a row nothing was done between two such deaths.
    heard: when the last run began that a death cut off, ns; unloadable: how often in a row loading the version was.
    outcomes: primaries by what became of them. pairs: comparisons by the primary's version. gaps: segments that were deleted
    before they were read. lag: age of the oldest primary that waits, ns; saved: when this was written, ns since the epoch.
    trouble: why the version does not run just now; empty if it does.
    """

    since: int
    places: dict[str, Place] = {}
    ahead: list[tuple[int, str]] = []
    recent: bytes | None = None
    published: str = ""
    outcomes: dict[str, int] = {}
    pairs: dict[int, Comparison] = {}
    strikes: list[tuple[int, str, int]] = []
    fruitless: int = 0
    unloadable: int = 0
    heard: int = 0
    gaps: int = 0
    starts: int = 0
    lag: int = 0
    backlog: int = 0
    saved: int = 0
    trouble: str = ""


class Shadow(NamedTuple):
    """A version that shadows its model's others."""

    model: str
    version: int

    @property
    def label(self) -> str:
        """How messages name it: `flights/2`."""
        return f"{self.model}/{self.version}"

    @property
    def name(self) -> str:
        """How its files are named: `shadow-flights-2`."""
        return f"{DERIVED}{self.model}-{self.version}"

    @classmethod
    def named(cls, name: str) -> Shadow:
        """The one whose files are named so.

        >>> Shadow.named("shadow-flights-2")
        Shadow(model='flights', version=2)
        """
        model, _, version = name.removeprefix(DERIVED).rpartition("-")
        return cls(model, int(version))


def wanted(config: Config) -> list[Shadow]:
    """The shadows that the configuration asks for: also a candidate whose disagreement with stable is a gate."""
    return [
        Shadow(model, version)
        for model, settings in (config.models or {}).items()
        for version in sorted({*settings.shadow, *_compared(settings.rollout)})
    ]


def _compared(rollout: RolloutConfig | None) -> set[int]:
    gates = rollout.gates if rollout else ()
    return {rollout.candidate for gate in gates if rollout and gate.metric == "disagreement"}


def register(config: Config) -> None:
    """From now on each shadow is owed every primary of its model, and the journals are kept for it.

    One that is not wanted any more is forgotten, with its counts.
    """
    shadows = wanted(config)
    for shadow in known(config.data):
        if shadow not in shadows:
            path_of(config.data, shadow).unlink(missing_ok=True)
            run_path(config.data, shadow).unlink(missing_ok=True)
    for shadow in shadows:
        if not path_of(config.data, shadow).exists():
            write(config.data, shadow, Checkpoint(since=time.time_ns()))


def known(data: Path) -> list[Shadow]:
    """The shadows that have a checkpoint."""
    return [Shadow.named(path.stem) for path in sorted(readers_folder(data).glob(f"{DERIVED}*.msgpack"))]


def read(data: Path, shadow: Shadow) -> Checkpoint | None:
    """Its checkpoint; None if it is not registered."""
    try:
        return msgspec.msgpack.decode(path_of(data, shadow).read_bytes(), type=Checkpoint)
    except FileNotFoundError:
        return None


def write(data: Path, shadow: Shadow, checkpoint: Checkpoint) -> None:
    """Replaces it, whole or not at all, also when the machine stops."""
    path = path_of(data, shadow)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        file.write(msgspec.msgpack.encode(checkpoint))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def checkpoints(data: Path) -> Mapping[Shadow, Checkpoint]:
    """All of them."""
    found = ((shadow, read(data, shadow)) for shadow in known(data))
    return {shadow: checkpoint for shadow, checkpoint in found if checkpoint is not None}


def path_of(data: Path, shadow: Shadow) -> Path:
    """Where its checkpoint lies."""
    return readers_folder(data) / f"{shadow.name}.msgpack"


def run_path(data: Path, shadow: Shadow) -> Path:
    """Where it notes what it is running; see shadow.attempt."""
    return readers_folder(data) / f"{shadow.name}.run"
