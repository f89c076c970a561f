"""The store: takes what was answered, makes it durable together with the observer's state, and joins it with labels."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gateway.errors import SetupError
from gateway.record import Answers, Layout, Refusals
from gateway.store.buffer import Batch, Buffer
from gateway.store.catalogue import Catalogue
from gateway.store.expected import Event, Expected
from gateway.store.forgetting import Requests, holding, remove
from gateway.store.index import Rows, checksums
from gateway.store.joining import Joined, Joiner
from gateway.store.part import Part
from gateway.store.shelf import Shelf
from gateway.store.snapshot import clear
from gateway.store.tidying import retire, tidy
from gateway.store.tombstones import Tombstones

_DAY = 86_400.0


@dataclass(slots=True)
class Counts:
    """What a store has done since it was opened. bytes: of new parts; rewritten: rows that `tidy` wrote again."""

    rows: int = 0
    bytes: int = 0
    parts: int = 0
    rewritten: int = 0
    retired: int = 0
    forgotten: int = 0


class Store:
    """The one writer of the store below `data`; not for several threads at once.

    What `append`, `refuse` and `label` do becomes durable with the next `commit`, all at once and together with the state
    that it is given. So whoever keeps in that state how far it has read has each row and each label exactly once, when and
    however its process ends.

    label_wait_s: how long a label waits for its prediction. label_grace_s: how long one that has met its primary waits for
    rows of shadows; those that come later look for it beside the primary. most_waiting: at most so many of both are kept.
    Raises SetupError if another process has the store, or it is of another version.
    """

    def __init__(
        self,
        data: Path,
        *,
        label_wait_s: float = 30 * _DAY,
        label_grace_s: float = 3600.0,
        most_waiting: int = 1_000_000,
    ) -> None:
        state = data / "state"
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(state / "store.lock")
        try:
            clear(state)
            self._catalogue = Catalogue(state / "store.sqlite")
            self._shelf = Shelf(data, self._catalogue)
            self._expected = Expected(self._catalogue, label_wait_s, label_grace_s, most_waiting)
            self._tombstones = Tombstones(self._catalogue)
        except BaseException:
            os.close(self._lock)
            raise
        self._buffer = Buffer()
        self._joiner = Joiner(self._catalogue, self._shelf, self._buffer, self._expected)
        self.counts = Counts()
        self.outcomes = self._joiner.outcomes

    def close(self) -> None:
        """What is not committed is lost, and read from the journals again."""
        self._catalogue.close()
        os.close(self._lock)

    @property
    def waiting(self) -> int:
        """Rows that the next commit will write."""
        return self._buffer.rows

    @property
    def waiting_bytes(self) -> int:
        """Their size in memory."""
        return self._buffer.bytes

    @property
    def size(self) -> tuple[int, int]:
        """How many parts there are, and their bytes."""
        parts = self._shelf.parts.values()
        return len(parts), sum(part.bytes for part in parts)

    @property
    def expected(self) -> int:
        """Labels that wait for their prediction."""
        return self._expected.waiting()

    def append(self, answers: Answers) -> list[Joined]:
        """Takes rows over, but not a shadow's that were forgotten meanwhile. Returns those whose label came before them."""
        left = None
        if answers.role == "shadow":
            rows = answers.row.tolist()
            left = self._tombstones.left(answers.layout.model, answers.request_id, rows, answers.time)
        if not len(answers) or (left is not None and not left.any()):
            return []
        return self._joiner.meet(self._buffer.append(answers, left))

    def refuse(self, refusals: Refusals) -> None:
        """Takes refused requests over, but not a shadow's that were forgotten meanwhile."""
        models, times = refusals.model, np.array(refusals.time, np.int64)
        left = self._tombstones.left(models, refusals.request_id, [None] * len(refusals), times)
        left |= np.array([role == "primary" for role in refusals.role], np.bool_)
        if left.any():
            self._buffer.refuse(refusals, left)

    def label(self, events: Iterable[Event]) -> list[Joined]:
        """Joins labels with their rows: of every version and role, in whatever order. Best given by the thousand.

        Returns the rows that have a label now, or another one than before.
        """
        return self._joiner.label(events)

    def find(self, model: str, ids: Collection[str]) -> list[tuple[Batch | Part, Rows]]:
        """Where rows of these requests are: the batch or the part, and the rows in it, int64 [hits]."""
        names = sorted(set(ids))
        hashes = checksums(names)
        buffered = [(batch, rows) for batch, _, rows in self._buffer.find(model, names, hashes)]
        return [*buffered, *((part, rows) for part, _, rows in self._shelf.find(model, names, hashes))]

    def layouts(self) -> list[Layout]:
        """The layouts of all rows that were ever committed."""
        return list(self._catalogue.layouts().values())

    def state(self) -> dict[str, bytes]:
        """What the last commit was given."""
        return self._catalogue.state()

    def commit(self, state: Mapping[str, bytes]) -> None:
        """Makes all that came since the last commit durable, and `state` with it.

        Raises OSError if parts cannot be written; then nothing has happened, and it may be tried again. After any other
        error, those of SQLite among them, nobody knows without opening the store anew.
        """
        written: list[Part] = []
        try:
            for key, table in self._buffer.tables():
                part = self._shelf.stage(key, [table])
                written += [part] if part else []
            self._shelf.reveal(written)
        except OSError:
            self._shelf.discard(written, revealed=True)
            raise
        self._catalogue.add(written)
        self._catalogue.keep(state)
        self._catalogue.commit()
        self._shelf.count(written)
        self.counts.rows += self._buffer.rows
        self.counts.bytes += sum(part.bytes for part in written)
        self.counts.parts += len(written)
        self._buffer.clear()

    def tidy(self, now: int, force: bool = False, settle_s: float = 60.0, budget: int = 131_072) -> int:
        """Rewrites parts where that pays, about `budget` rows at the most, and forgets labels that nobody asks for.

        now: ns since the epoch. force: everything, whatever it costs. Returns the rows that were written again. Like
        `retain` and `forget` it stands just after a commit; raises RuntimeError if there is something to be committed.
        """
        self._settled()
        self._shelf.miss()
        with self._catalogue.transaction():
            unknown = self._expected.expire(now)
        if unknown:
            self.outcomes["unknown"] += unknown
        done = tidy(self._shelf, self._catalogue.labelled(), now, force, settle_s, budget)
        self.counts.rewritten += done
        return done

    def retain(self, max_age_s: float | None, max_bytes: int | None, now: int) -> int:
        """Removes the oldest parts: those with no row younger than max_age_s, and those beyond max_bytes. Rows removed."""
        self._settled()
        before = 0 if max_age_s is None else now // 1000 - int(max_age_s * 1e6)
        most = max_bytes if max_bytes is not None else 1 << 62
        gone = retire(self._shelf, before, most)
        self.counts.retired += gone
        return gone

    def forget(
        self,
        model: str,
        now: int,
        *,
        ids: Collection[str] | None = None,
        column: str | None = None,
        value: str | None = None,
    ) -> int:
        """Removes the rows of requests, by their ids or by the value, as text, of a column, and all labels for them.

        The parts are rewritten; the refusals of these ids go too, and shadows of what came before `now`, ns since the epoch,
        are not taken any more. Returns how many rows were removed.
        """
        self._settled()
        rows: Requests = dict.fromkeys(ids or ())
        if column is not None and value is not None:
            rows.update(holding(self._shelf, model, column, value))
        gone = 0
        if rows:
            with self._catalogue.transaction():
                self._expected.forget(model, rows)
                self._tombstones.add(model, rows, now)
            gone = remove(self._shelf, model, rows, column)
            self._catalogue.truncate()
        self.counts.forgotten += gone
        return gone

    def holding(self, model: str, column: str, value: str) -> list[str]:
        """The ids of the requests that `forget` would find by the value, as text, of a column."""
        return list(holding(self._shelf, model, column, value))

    def parts(self, model: str) -> list[Part]:
        """The parts of a model that the last commit counts, the earliest first."""
        return sorted(self._shelf.of(model), key=lambda part: (part.begin, part.number))

    def _settled(self) -> None:
        if self._catalogue.changed or self._buffer.rows:
            raise RuntimeError("the store has rows or labels that are not committed; commit them first")


def _locked(path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(file, 32, 0).decode(errors="replace") or "unknown"
        os.close(file)
        raise SetupError(f"{path.parent.parent}: process {holder} writes to this store already") from None
    os.ftruncate(file, 0)
    os.pwrite(file, str(os.getpid()).encode(), 0)
    return file
