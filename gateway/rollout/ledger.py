"""Rollouts on disk: where each is, and how it came there. One transaction for each change, so none is ever half done."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from gateway.errors import SetupError
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

    Raises SetupError if the file cannot be used or is of another version.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._database = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
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

    def record(self, state: State, events: Sequence[Event]) -> None:
        """Keeps a state and what led to it. Durable when it returns; before that, nothing has happened."""
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute(
                "INSERT INTO rollouts VALUES (?, ?) ON CONFLICT (model) DO UPDATE SET state = excluded.state",
                (state.model, encode(state).decode()),
            )
            self._note(events)

    def note(self, events: Sequence[Event]) -> None:
        """Keeps events that are of no rollout, such as an edit of the configuration."""
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._note(events)

    def history(self, model: str | None = None, most: int = 100) -> list[Event]:
        """The newest events, of one model or of all, in the order in which they came."""
        rows = self._database.execute(
            "SELECT time, model, who, what, before, after, why FROM events WHERE ? IS NULL OR model = ? "
            "ORDER BY seq DESC LIMIT ?",
            (model, model, most),
        ).fetchall()
        return [Event(*row) for row in reversed(rows)]

    def _note(self, events: Sequence[Event]) -> None:
        self._database.executemany(
            "INSERT INTO events (time, model, who, what, before, after, why) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(each.time, each.model, each.who, each.what, each.before, each.after, each.why) for each in events],
        )

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
