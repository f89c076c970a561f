"""The SQLite file of the inbox: how it is opened, and its tables. A label is kept as JSON, so that 1, 1.0 and "1" differ."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from gateway.errors import SetupError

VERSION = 1
BUSY_S = 5.0

_TABLES = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    model TEXT NOT NULL,
    id TEXT NOT NULL,
    row INTEGER NOT NULL,
    label TEXT NOT NULL,
    time INTEGER NOT NULL,
    received INTEGER NOT NULL,
    corrects INTEGER NOT NULL
);
CREATE INDEX subject ON events (id, row);
CREATE TABLE counts (model TEXT NOT NULL, outcome TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (model, outcome));
"""


def connect(path: Path) -> sqlite3.Connection:
    """The file at `path`, made if need be, by whichever process comes first. Raises SetupError if it is not ours."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as problem:
        raise SetupError(f"{path}: cannot be opened: {problem}") from None
    try:
        _write_ahead(database)
        database.execute("PRAGMA synchronous = FULL")  # in WAL the default syncs only now and then
        database.execute("PRAGMA secure_delete = ON")  # what is forgotten shall not lie in free pages
        database.execute("PRAGMA journal_size_limit = 67108864")
        _make(database, path)
    except sqlite3.Error as problem:
        database.close()
        raise SetupError(f"{path}: cannot be used: {problem}") from None
    except SetupError:
        database.close()
        raise
    return database


def _write_ahead(database: sqlite3.Connection) -> None:
    """Switches to a write-ahead log. Of two processes that do so at once SQLite turns one away without waiting."""
    end = time.monotonic() + BUSY_S
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL").fetchall()
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def _make(database: sqlite3.Connection, path: Path) -> None:
    database.execute("BEGIN IMMEDIATE")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version == 0:
        for statement in _TABLES.split(";")[:-1]:
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {VERSION}")
    elif version != VERSION:
        database.execute("ROLLBACK")
        raise SetupError(f"{path}: has version {version} of its tables, this driftgate knows {VERSION}")
    database.execute("COMMIT")
