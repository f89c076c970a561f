"""What counts in the store: its parts, labels that are not in them yet, the observer's state, and what is half done."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from gateway.errors import SetupError
from gateway.record import Layout
from gateway.store.columns import Label
from gateway.store.part import Key, Part

_VERSION = 1
_TABLES = """
CREATE TABLE layouts (id INTEGER PRIMARY KEY, body BLOB NOT NULL UNIQUE);
CREATE TABLE parts (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, layout INTEGER, role TEXT, hour INTEGER NOT NULL, path TEXT NOT NULL,
    rows INTEGER NOT NULL, bytes INTEGER NOT NULL, raw INTEGER NOT NULL, begin INTEGER NOT NULL, end INTEGER NOT NULL,
    first_id TEXT NOT NULL, last_id TEXT NOT NULL
);
CREATE TABLE labels (
    part INTEGER NOT NULL, row INTEGER NOT NULL, label TEXT NOT NULL, time INTEGER NOT NULL,
    PRIMARY KEY (part, row)
) WITHOUT ROWID;
CREATE TABLE labelled (part INTEGER PRIMARY KEY, since INTEGER NOT NULL);
CREATE TABLE expected (
    model TEXT NOT NULL, id TEXT NOT NULL, row INTEGER NOT NULL, hash INTEGER NOT NULL, label TEXT NOT NULL,
    time INTEGER NOT NULL, received INTEGER NOT NULL, met INTEGER NOT NULL, until INTEGER,
    PRIMARY KEY (model, id, row)
) WITHOUT ROWID;
CREATE INDEX expected_until ON expected (until);
CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE intents (id INTEGER PRIMARY KEY, source TEXT, target TEXT, gone TEXT NOT NULL);
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('numbers', 0), ('changes', 0);
"""
_LATER = "CREATE TABLE IF NOT EXISTS forgotten (checksum INTEGER PRIMARY KEY, time INTEGER NOT NULL);"
"""What the first catalogues of this version do not have, and readers do not need."""


class Intent(msgspec.Struct, frozen=True):
    """Files to move once a transaction is committed: source over target, if there is one, and the others away.

    All paths are below the data folder.
    """

    source: str | None
    target: str | None
    gone: tuple[str, ...]


class Catalogue:
    """The SQLite file `path`. Its transaction stays open from the first change to `commit`, which makes all of it durable.

    read_only: what the last commit holds, in a snapshot that later commits do not change, beside the one that writes.
    Raises SetupError if there is no such file to read, or it is of another version.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = path
        uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
        try:
            self._db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30)
            (found,) = self._db.execute("PRAGMA user_version").fetchone()
            if read_only:
                self._db.execute("BEGIN")
            else:
                self._open(found)
                (found,) = self._db.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error as problem:
            raise SetupError(f"{path}: cannot be read as the catalogue of a store: {problem}") from None
        if found != _VERSION:
            self._db.close()
            raise SetupError(f"{path}: a catalogue of version {found}, but this driftgate reads version {_VERSION}")

    def _open(self, version: int) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA secure_delete = ON")  # what was forgotten leaves no bytes in free pages
        if version == 0:
            self._db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;")
        if version <= _VERSION:
            self._db.execute(_LATER)

    @property
    def changed(self) -> bool:
        """There are changes that are not committed."""
        return self._db.in_transaction

    def change(self) -> sqlite3.Connection:
        """The database, in a transaction."""
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def read(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """The rows that a query finds, changes that are not committed among them."""
        return self._db.execute(query, arguments).fetchall()

    def commit(self) -> None:
        """Makes all changes durable, together."""
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commits what is done inside, or nothing of it."""
        database = self.change()
        try:
            yield database
            self.commit()
        except Exception:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Changes that are not committed are lost."""
        self._db.close()

    def truncate(self) -> None:
        """Leaves nothing of earlier commits in the write-ahead log, as far as no reader needs it."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def layouts(self) -> dict[int, Layout]:
        """All layouts that were ever recorded, by their number."""
        found = self._db.execute("SELECT id, body FROM layouts")
        return {number: msgspec.json.decode(body, type=Layout) for number, body in found}

    def parts(self) -> list[Part]:
        """All parts."""
        layouts = self.layouts()
        return [
            Part(number, Key(kind, layouts.get(layout), role, hour), *rest)
            for number, kind, layout, role, hour, *rest in self._db.execute("SELECT * FROM parts ORDER BY number")
        ]

    def add(self, parts: Sequence[Part]) -> None:
        """Enters new parts, within the transaction."""
        database = self.change()
        for part in parts:
            layout = part.key.layout
            body = layout and msgspec.json.encode(layout)
            if body:
                database.execute("INSERT OR IGNORE INTO layouts (body) VALUES (?)", (body,))
            place = (part.number, part.key.kind, body, part.key.role, part.key.hour, part.path)
            sizes = (part.rows, part.bytes, part.raw, part.begin, part.end, part.first_id, part.last_id)
            database.execute(
                "INSERT INTO parts VALUES (?, ?, (SELECT id FROM layouts WHERE body = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*place, *sizes),
            )
            self.raise_counter("numbers", part.number)

    def drop(self, parts: Sequence[Part]) -> None:
        """Takes parts and their labels out, within the transaction."""
        database = self.change()
        for part in parts:
            for query in (
                "DELETE FROM parts WHERE number = ?",
                "DELETE FROM labels WHERE part = ?",
                "DELETE FROM labelled WHERE part = ?",
            ):
                database.execute(query, (part.number,))
        database.execute("UPDATE counters SET value = value + 1 WHERE name = 'changes'")

    def counter(self, name: str) -> int:
        """`numbers`: the highest number of a part so far; `changes`: how often parts were replaced or removed.

        `expired`: when, ns, the newest of the labels was accepted that had met a row and are not expected any more.
        """
        found = self._db.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
        return int(found[0]) if found else 0

    def raise_counter(self, name: str, value: int) -> None:
        """It is `value` from now on, if it was less, within the transaction."""
        query = "INSERT INTO counters VALUES (?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)"
        self.change().execute(query, (name, value))

    def state(self) -> dict[str, bytes]:
        """What `keep` was given."""
        return dict(self._db.execute("SELECT key, value FROM state"))

    def keep(self, state: Mapping[str, bytes]) -> None:
        """Replaces the state, within the transaction."""
        database = self.change()
        database.execute("DELETE FROM state")
        database.executemany("INSERT INTO state VALUES (?, ?)", state.items())

    def labels(self, part: int, rows: Sequence[int] | None = None) -> dict[int, tuple[Label, int]]:
        """Labels and their times, ns, of rows of a part (None: of all) whose file does not have them yet."""
        query = "SELECT row, label, time FROM labels WHERE part = ?1"
        if rows is not None:
            query += " AND row IN (SELECT value FROM json_each(?2))"
        arguments = (part,) if rows is None else (part, msgspec.json.encode(rows).decode())
        found = self._db.execute(f"{query} ORDER BY row", arguments)
        return {row: (msgspec.json.decode(label), time) for row, label, time in found}

    def set_labels(self, part: int, labels: Mapping[int, tuple[Label, int]], received: int) -> None:
        """Labels and times of rows of a part, within the transaction. received: when, ns, at the earliest."""
        database = self.change()
        database.executemany(
            "INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?)",
            ((part, row, msgspec.json.encode(label).decode(), time) for row, (label, time) in labels.items()),
        )
        database.execute("INSERT OR IGNORE INTO labelled VALUES (?, ?)", (part, received))

    def labelled(self) -> dict[int, tuple[int, int]]:
        """The parts with labels that their files do not have yet: how many, and the time, ns, of the first."""
        found = self._db.execute(
            "SELECT part, (SELECT count(*) FROM labels WHERE labels.part = labelled.part), since FROM labelled"
        )
        return {part: (count, since) for part, count, since in found}

    def intend(self, intent: Intent) -> None:
        """Says within the transaction what will be done to files after it."""
        self.change().execute(
            "INSERT INTO intents (source, target, gone) VALUES (?, ?, ?)",
            (intent.source, intent.target, msgspec.json.encode(intent.gone).decode()),
        )

    def intents(self) -> list[Intent]:
        """What is still to be done to files."""
        found = self._db.execute("SELECT source, target, gone FROM intents ORDER BY id")
        return [Intent(source, target, tuple(msgspec.json.decode(gone))) for source, target, gone in found]

    def clear_intents(self) -> None:
        """All of it is done."""
        self.change().execute("DELETE FROM intents")
