"""The files of the store, in step with the catalogue: staged, revealed, replaced, removed, and mended after a crash."""

from __future__ import annotations

import logging
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gateway.errors import SetupError
from gateway.store import index
from gateway.store.catalogue import Catalogue, Intent
from gateway.store.index import Hashes, Rows
from gateway.store.overlay import groups
from gateway.store.part import Key, Part, read_rows, sync, write

logger = logging.getLogger("driftgate")

STAGED = ".tmp"
"""Ends the name of a file that does not count yet: `*.parquet` never finds it."""


class Shelf:
    """The parts below `data/store` and their indexes below `data/state/index`.

    Opening it finishes what a process before left half done, and removes the files that no commit knows; `removed` says
    how many those were. Raises SetupError where files and catalogue cannot belong together.
    """

    def __init__(self, data: Path, catalogue: Catalogue) -> None:
        self._data, self._catalogue = data, catalogue
        self._store, self._index = data / "store", data / "state" / "index"
        for folder in (self._store, self._index):
            folder.mkdir(parents=True, exist_ok=True)
        if left := catalogue.intents():
            self._carry_out(left)
        self.parts: dict[int, Part] = {part.number: part for part in catalogue.parts()}
        self._number = catalogue.counter("numbers")
        self._compare()
        self.removed = self._sweep()

    def path(self, part: Part) -> Path:
        """The file of a part."""
        return self._store / part.path

    def of(self, model: str) -> list[Part]:
        """The parts with answers of a model."""
        return [part for part in self.parts.values() if part.key.layout and part.key.layout.model == model]

    def stage(self, key: Key, tables: Iterable[pa.Table], replaces: Part | None = None) -> Part | None:
        """Writes a part with its index, so that no reader sees it yet; None if there are no rows. Raises OSError.

        replaces: a part whose path it will take.
        """
        self._number += 1
        layout = key.layout
        name = f"v{layout.version}-{key.role}-{self._number:08d}" if layout else f"{self._number:08d}"
        path = replaces.path if replaces else f"{key.folder}/{name}.parquet"
        self._make(self._store / key.folder)
        staged, indexed = self._staged(path, self._number), self._index_path(self._number)
        try:
            written = write(tables, staged, self._number, key, path)
            if written is None:
                return None
            if layout:
                index.write(indexed, written.ids)
                sync(self._index)
            sync(staged.parent)
        except OSError:
            staged.unlink(missing_ok=True)
            indexed.unlink(missing_ok=True)
            raise
        return written.part

    def reveal(self, parts: Sequence[Part]) -> None:
        """Gives new parts their names, just before the commit that counts them. `parts` knows them after `count`."""
        for part in parts:
            self._staged(part.path, part.number).replace(self.path(part))
        for folder in {self.path(part).parent for part in parts}:
            sync(folder)

    def count(self, parts: Sequence[Part]) -> None:
        """The commit that counts new parts has been made."""
        self.parts.update((part.number, part) for part in parts)

    def discard(self, parts: Sequence[Part], revealed: bool = False) -> None:
        """Removes the files of new parts that will not be committed. revealed: they may have their names already."""
        for part in parts:
            self._staged(part.path, part.number).unlink(missing_ok=True)
            self._index_path(part.number).unlink(missing_ok=True)
            if revealed:
                self.path(part).unlink(missing_ok=True)

    def replace(self, old: Sequence[Part], new: Part | None) -> None:
        """Puts a staged part in the place of others, or removes them, in one commit; a crash leaves all or nothing of it.

        Raises RuntimeError if the files could not follow the commit: then nothing may be read or written before the store is
        opened anew.
        A reader that globs meanwhile may for some microseconds see rows twice, where several parts become one.
        """
        target = self.path(new) if new else None
        gone = [path for part in old for path in (self.path(part), self._index_path(part.number)) if path != target]
        source = self._staged(new.path, new.number) if new else None
        intent = Intent(self._name(source), self._name(target), tuple(self._name(path) or "" for path in gone))
        with self._catalogue.transaction():
            self._catalogue.drop(old)
            self._catalogue.add([new] if new else [])
            self._catalogue.intend(intent)
        for part in old:
            del self.parts[part.number]
        self.count([new] if new else [])
        try:
            self._carry_out([intent])
        except OSError as problem:
            raise RuntimeError("the files are not as the catalogue says; opening the store anew mends it") from problem

    def miss(self) -> None:
        """Takes parts out whose files somebody has removed."""
        for part in [part for part in self.parts.values() if not self.path(part).exists()]:
            self._lose(part)

    def read(self, part: Part, wanted: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows of a part with all labels that are known, a row group at a time."""
        return groups(self.path(part), self._catalogue.labels(part.number), wanted)

    def find(
        self,
        model: str,
        ids: Sequence[str],
        hashes: Hashes,
        *,
        span: tuple[int, int] = (0, 1 << 63),
        wanted: NDArray[np.bool_] | None = None,
    ) -> Iterator[tuple[Part, Rows, Rows]]:
        """The parts with rows of these ids (sorted), the newest first: each with places in `ids`, and rows, int64 [hits].

        span: only parts with rows from one time to another, µs since the epoch. wanted: which of the ids, looked at anew
        before each part.
        """
        for part in sorted(self.of(model), key=lambda part: (part.begin, part.number), reverse=True):
            low, high = bisect_left(ids, part.first_id), bisect_right(ids, part.last_id)
            asked = np.arange(low, high) if wanted is None else np.flatnonzero(wanted[low:high]) + low
            if part.end < span[0] or part.begin > span[1] or not len(asked):
                continue
            try:
                which, rows = self._look_up(part, hashes[asked])
                if not len(rows):
                    continue
                order = np.argsort(rows)
                which, rows = asked[which[order]], rows[order]
                found = read_rows(self.path(part), rows, ["request_id"]).column(0)
            except FileNotFoundError:
                self._lose(part)
                continue
            same = pc.equal(found, pa.array([ids[one] for one in which.tolist()])).to_numpy()
            if same.any():
                yield part, which[same], rows[same]

    def _look_up(self, part: Part, hashes: Hashes) -> tuple[Rows, Rows]:
        path = self._index_path(part.number)
        try:
            return index.look_up(path, part.rows, hashes)
        except (OSError, ValueError):  # somebody has removed it; the part has all that it takes
            index.write(path, pq.read_table(self.path(part), columns=["request_id"], partitioning=None).column(0))
            return index.look_up(path, part.rows, hashes)

    def _carry_out(self, intents: Sequence[Intent]) -> None:
        for intent in intents:
            if intent.source and intent.target:
                with suppress(FileNotFoundError):  # done, before the crash
                    (self._data / intent.source).replace(self._data / intent.target)
                sync((self._data / intent.target).parent)
            for name in intent.gone:
                (self._data / name).unlink(missing_ok=True)
            for folder in {(self._data / name).parent for name in intent.gone} - {self._index}:
                with suppress(OSError):  # other parts lie there
                    folder.rmdir()
        with self._catalogue.transaction():
            self._catalogue.clear_intents()

    def _compare(self) -> None:
        """Sweeping away what another catalogue counts, or forgetting what lies on a disk that is missing, could not be undone."""
        if not self._number and next(self._store.rglob("*.parquet"), None):
            raise SetupError(
                f"{self._store}: there are files, but {self._catalogue.path} is new and knows none of them; "
                f"move them away, or bring the catalogue back"
            )
        if self.parts and not any(self.path(part).exists() for part in self.parts.values()):
            raise SetupError(
                f"{self._store}: none of the {len(self.parts)} files of {self._catalogue.path} is there; "
                f"bring them back, or remove the catalogue too"
            )
        self.miss()

    def _lose(self, part: Part) -> None:
        logger.warning("%s is gone, and %d rows with it", self.path(part), part.rows)
        if self._catalogue.changed:
            self._catalogue.drop([part])  # with all that is under way
        else:
            with self._catalogue.transaction():
                self._catalogue.drop([part])
        del self.parts[part.number]

    def _sweep(self) -> int:
        """Removes what a commit never came to count."""
        known = {self.path(part) for part in self.parts.values()}
        known |= {self._index_path(part.number) for part in self.parts.values()}
        strange = [
            path
            for folder, pattern in ((self._store, "*.parquet*"), (self._index, "*.npy"))
            for path in folder.rglob(pattern)
            if path not in known
        ]
        for path in strange:
            path.unlink(missing_ok=True)
        return len(strange)

    def _make(self, folder: Path) -> None:
        missing = [folder] if not folder.exists() else []
        while missing and not missing[-1].parent.exists():
            missing.append(missing[-1].parent)
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            sync(path.parent)

    def _staged(self, path: str, number: int) -> Path:
        return self._store / f"{path}.{number}{STAGED}"

    def _index_path(self, number: int) -> Path:
        return self._index / f"{number:08d}.npy"

    def _name(self, path: Path | None) -> str | None:
        return path.relative_to(self._data).as_posix() if path else None


def by_key(parts: Mapping[int, Part]) -> dict[Key, list[Part]]:
    """The parts of one layout, role and hour together, in order of time."""
    found: dict[Key, list[Part]] = {}
    for part in sorted(parts.values(), key=lambda part: (part.begin, part.number)):
        found.setdefault(part.key, []).append(part)
    return found
