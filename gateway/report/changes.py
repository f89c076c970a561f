"""What was rolled out: the ledger's events of a model in a period."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.errors import SetupError
from gateway.report.content import Change, Rollout
from gateway.report.question import Question
from gateway.report.reading import iso
from gateway.rollout.ledger import VERSION

MOST = 200
"""Events that are told of, the newest: a provider that fails all week makes thousands."""

_WHERE = "FROM events WHERE model = ?1 AND time >= ifnull(?2, time) AND time < ifnull(?3, time + 1)"


def changes(data: Path, question: Question) -> Rollout:
    """Those of `data/state/rollouts.sqlite`, read beside whoever writes it; none where there is no such file.

    Raises SetupError if it cannot be read.
    """
    path = data / "state" / "rollouts.sqlite"
    if not path.exists():
        return Rollout(events=[], left_out=0)
    asked = (question.model, question.period.begin, question.period.end)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                raise SetupError(f"{path}: has version {version} of its tables, this driftgate knows {VERSION}")
            (count,) = database.execute(f"SELECT count(*) {_WHERE}", asked).fetchone()
            rows = database.execute(
                f"SELECT time, who, what, before, after, why {_WHERE} ORDER BY seq DESC LIMIT {MOST}",
                asked,
            ).fetchall()
    except sqlite3.Error as problem:
        raise SetupError(f"{path}: cannot be read: {problem}") from None
    events = [
        Change(time=iso(time), who=who, what=what, before=before, after=after, why=why)
        for time, who, what, before, after, why in reversed(rows)
    ]
    return Rollout(events=events, left_out=count - len(events))
