"""Where accepted labels lie until the observer has joined them, and a while longer, so that a label sent twice is known.

One SQLite file for all processes: replicas write, the observer reads. What `accept` has returned has been synced to the
disk. A label is an event with a sequence number; what was accepted is never changed, a correction is one more event.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from gateway.errors import Overloaded
from gateway.labels.database import connect
from gateway.labels.label import Label, Value

Outcome = Literal["accepted", "duplicate", "corrected", "refused_calls"]

_CURRENT = """
SELECT (SELECT label FROM events
        WHERE id = json_extract(key.value, '$[1]') AND row = json_extract(key.value, '$[2]')
          AND model = json_extract(key.value, '$[0]')
        ORDER BY seq DESC LIMIT 1)
FROM json_each(?) AS key ORDER BY key.key
"""
_APPEND = "INSERT INTO events (model, id, row, label, time, received, corrects) VALUES (?, ?, ?, ?, ?, ?, ?)"
_COUNT = "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT (model, outcome) DO UPDATE SET n = n + excluded.n"
_READ = "SELECT seq, model, id, row, label, time, received, corrects FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
_encode, _decode = msgspec.json.encode, msgspec.json.decode
_PRUNED_AT_ONCE = 5000  # takes some 20 ms, for which writers wait


class Accepted(NamedTuple):
    """What became of a call: so many labels are new, so many were known; `corrected` of the new ones replace another value."""

    accepted: int
    duplicate: int
    corrected: int


class Event(NamedTuple):
    """A label that was accepted. seq: 1, 2, … in the order of acceptance, never given twice. time, received: ns.

    time: the label's own. received: when we took it. corrects: 1 if there was another value for this row before.
    """

    seq: int
    model: str
    id: str
    row: int
    label: Value
    time: int
    received: int
    corrects: int


class Inbox:
    """Opened by each process for itself; its methods may be called from any thread, one at a time.

    Every method raises Overloaded if the file is locked for more than 5 s, or cannot be written: then nothing was done.
    """

    def __init__(self, path: Path) -> None:
        self._database = connect(path)
        self._lock = threading.Lock()

    def accept(self, labels: Sequence[Label], now_ns: int) -> Accepted:
        """Takes the labels of one call, all or none. A label that is known with this value is counted and not kept again."""
        return self.accept_calls([labels], now_ns)[0]

    def accept_calls(
        self, calls: Sequence[Sequence[Label]], now_ns: int, refused: Mapping[str, int] | None = None
    ) -> list[Accepted]:
        """As `accept` for several calls in one transaction, which costs one sync of the disk, not one for each.

        refused: calls that were turned away since the last time, by model, to be counted.
        """
        keys = [(label.model, label.id, label.row) for labels in calls for label in labels]
        counts = Counter[tuple[str, Outcome]]({(model, "refused_calls"): n for model, n in (refused or {}).items()})
        events: list[tuple[str | int, ...]] = []
        with self._transaction() as database:
            found = database.execute(_CURRENT, (json.dumps(keys),)).fetchall()
            current = {key: value for key, (value,) in zip(keys, found, strict=True) if value is not None}
            results = [_sift(labels, current, events, counts, now_ns) for labels in calls]
            database.executemany(_APPEND, events)
            database.executemany(_COUNT, [(*key, n) for key, n in counts.items() if n])
        return results

    def read(self, after_seq: int, limit: int) -> list[Event]:
        """Up to `limit` events after the one of that number (0: from the start), in order. None is ever added before them."""
        with self._reading() as database:
            found = database.execute(_READ, (after_seq, limit)).fetchall()
        return [
            Event(seq, model, identifier, row, _decode(label), *rest)
            for seq, model, identifier, row, label, *rest in found
        ]

    def last(self) -> int:
        """The number of the newest event there ever was; 0 if there was none."""
        with self._reading() as database:
            row = database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
        return int(row[0]) if row else 0

    def counts(self) -> dict[tuple[str, Outcome], int]:
        """What became of all labels ever sent, by model: labels accepted, duplicate, corrected; and calls refused."""
        with self._reading() as database:
            return {(model, outcome): n for model, outcome, n in database.execute("SELECT * FROM counts")}

    def prune(self, until_seq: int, older_than_ns: int) -> int:
        """Drops the events up to `until_seq`, which were joined, that were accepted before a time; says how many.

        What stays is still known: the same label again is a duplicate, another value for its row a correction.
        """
        dropped = 0
        while True:
            with self._reading() as database:  # looking holds up nobody
                oldest = database.execute(
                    "SELECT seq, received FROM events WHERE seq <= ? ORDER BY seq LIMIT ?", (until_seq, _PRUNED_AT_ONCE)
                ).fetchall()
            young = next((n for n, (_, received) in enumerate(oldest) if received >= older_than_ns), len(oldest))
            if young:
                with self._transaction() as database:
                    database.execute("DELETE FROM events WHERE seq <= ?", (oldest[young - 1][0],))
            dropped += young
            if young < _PRUNED_AT_ONCE:
                return dropped

    def forget(self, model: str, ids: Collection[str]) -> int:
        """Removes all labels of those requests from the disk, joined or not; says how many events there were."""
        with self._transaction() as database:
            removed = database.execute(
                "DELETE FROM events WHERE model = ? AND id IN (SELECT value FROM json_each(?))",
                (model, json.dumps(list(ids))),
            ).rowcount
        with self._reading() as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # the log holds the pages as they were
        return removed

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._database.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._database
            except sqlite3.Error as problem:
                raise Overloaded(f"labels cannot be stored or read just now: {problem}") from problem


def _sift(
    labels: Sequence[Label],
    current: dict[tuple[str, str, int], str],
    events: list[tuple[str | int, ...]],
    counts: Counter[tuple[str, Outcome]],
    now_ns: int,
) -> Accepted:
    """Appends what is new to `events`, and brings `current` and `counts` up to date."""
    before, corrected = len(events), 0
    for model, identifier, row, value, time in labels:
        key = model, identifier, row
        known, text = current.get(key), _encode(value).decode()
        if known == text:
            continue
        corrects = known is not None
        corrected += corrects
        current[key] = text
        events.append((model, identifier, row, text, time, now_ns, corrects))
    accepted = len(events) - before
    if labels:
        model = labels[0].model
        counts[model, "accepted"] += accepted
        counts[model, "duplicate"] += len(labels) - accepted
        counts[model, "corrected"] += corrected
    return Accepted(accepted, len(labels) - accepted, corrected)
