"""The store as one commit left it, for a process that only reads, while another goes on writing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from gateway.errors import SetupError
from gateway.store.catalogue import Catalogue
from gateway.store.overlay import groups
from gateway.store.part import Part

_ATTEMPTS = 50
_PREFIX = "export-"


class Snapshot:
    """Parts of a model, the earliest first, whose files are held by links of our own until the snapshot ends."""

    def __init__(self, catalogue: Catalogue, links: Path, parts: Sequence[Part]) -> None:
        self._catalogue, self._links, self.parts = catalogue, links, parts

    def read(self, part: Part, wanted: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows of a part with all labels that are committed, a row group at a time."""
        return groups(self._links / f"{part.number}", self._catalogue.labels(part.number), wanted)


@contextmanager
def snapshot(data: Path, model: str) -> Iterator[Snapshot]:
    """What is committed of a model in the store below `data`. Raises SetupError if there is no store."""
    path = data / "state" / "store.sqlite"
    if not path.exists():
        raise SetupError(f"{data}: nothing is recorded there yet")
    for _ in range(_ATTEMPTS):
        with TemporaryDirectory(dir=path.parent, prefix=f"{_PREFIX}{os.getpid()}-") as links:
            catalogue = Catalogue(path, read_only=True)
            try:
                parts = _linked(data, catalogue, model, Path(links))
                if parts is not None:
                    yield Snapshot(catalogue, Path(links), parts)
                    return
            finally:
                catalogue.close()
    raise SetupError(f"{data}: the store changed at each of {_ATTEMPTS} attempts to read it; try again")


def clear(state: Path) -> None:
    """Removes the links of readers that were killed."""
    for folder in state.glob(f"{_PREFIX}*"):
        try:
            os.kill(int(folder.name.removeprefix(_PREFIX).split("-")[0]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except PermissionError:  # somebody else's process has the number now: the links go at a later start
            continue


def _linked(data: Path, catalogue: Catalogue, model: str, links: Path) -> list[Part] | None:
    """The parts, each linked by its number; None if parts were replaced meanwhile."""
    changes = catalogue.counter("changes")
    parts = sorted(
        (part for part in catalogue.parts() if part.model == model), key=lambda part: (part.begin, part.number)
    )
    staged = {intent.target: intent.source for intent in catalogue.intents() if intent.target and intent.source}
    try:
        for part in parts:
            target = f"store/{part.path}"
            _link(data, [source] if (source := staged.get(target)) else [], target, links / f"{part.number}")
    except FileNotFoundError:
        return None
    now = Catalogue(catalogue.path, read_only=True)
    try:
        return parts if now.counter("changes") == changes else None
    finally:
        now.close()


def _link(data: Path, staged: Sequence[str], target: str, link: Path) -> None:
    """A file that its commit is still to put in place has its new content under the staged name, or has it already."""
    for name in staged:
        try:
            os.link(data / name, link)
        except FileNotFoundError:
            continue
        return
    os.link(data / target, link)
