"""Rollouts on disk: where each is, and how it came there. One transaction for each change, so none is ever half done."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import NotReady, SetupError
from gateway.rollout.machine import Event, State, decode, encode

VERSION = 1
_BUSY_S = 5.0

_TABLES = """
CREATE TABLE rollouts (model TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    model TEXT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    why TEXT NOT NULL
);
CREATE INDEX by_model ON events (model, seq);
"""


class Ledger:
    """`data/state/rollouts.sqlite`. It has one writer; whoever else reads sees the last change that is whole.

    Raises SetupError if the file cannot be used or is of another version. busy_s: how long it waits for somebody who reads it.
    """

    def __init__(self, path: Path, busy_s: float = _BUSY_S) -> None:
        self._path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._database = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL").fetchall()
            self._database.execute(
                "PRAGMA synchronous = FULL"
            )  # a change that was acted on must survive a power cut too
            self._make(path)
        except sqlite3.Error as problem:
            raise SetupError(f"{path}: cannot be used: {problem}") from None

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    def states(self) -> dict[str, State]:
        """The rollout of each model that has or had one."""
        rows = self._database.execute("SELECT model, state FROM rollouts ORDER BY model").fetchall()
        return {model: decode(state.encode()) for model, state in rows}

    def record(self, states: Sequence[State], events: Sequence[Event]) -> None:
        """Keeps states of different models, and what led to them. Durable when it returns; before that, nothing has happened.

        Raises NotReady if it cannot be written just now.
        """
        rows = [(state.model, encode(state).decode()) for state in states]
        with self._writing() as database:
            database.executemany(
                "INSERT INTO rollouts VALUES (?, ?) ON CONFLICT (model) DO UPDATE SET state = excluded.state", rows
            )
            database.executemany(
                "INSERT INTO events (time, model, who, what, before, after, why) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(each.time, each.model, each.who, each.what, each.before, each.after, each.why) for each in events],
            )

    def history(self, model: str | None = None, most: int = 100) -> list[Event]:
        """The newest events, of one model or of all, in the order in which they came."""
        rows = self._database.execute(
            "SELECT time, model, who, what, before, after, why FROM events WHERE ? IS NULL OR model = ? "
            "ORDER BY seq DESC LIMIT ?",
            (model, model, most),
        ).fetchall()
        return [Event(*row) for row in reversed(rows)]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database:
                self._database.execute("BEGIN IMMEDIATE")
                yield self._database
        except sqlite3.Error as problem:
            raise NotReady(f"{self._path} cannot be written: {problem}") from None

    def _make(self, path: Path) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in _TABLES.split(";")[:-1]:
                self._database.execute(statement)
            self._database.execute(f"PRAGMA user_version = {VERSION}")
        self._database.execute("COMMIT")
        if version not in (0, VERSION):
            self._database.close()
            raise SetupError(f"{path}: has version {version} of its tables, this driftgate knows {VERSION}")
