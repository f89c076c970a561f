"""Labels that wait for their prediction, and those that may still meet a shadow's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from gateway.store.catalogue import Catalogue
from gateway.store.index import Hashes, checksums

_SLOTS = 1 << 23


class Event(NamedTuple):
    """A label as it was accepted: for `row` of the request `id`. seq: its place among all; time, received: ns."""

    seq: int
    model: str
    id: str
    row: int
    label: object
    time: int
    received: int


class Expected:
    """What the catalogue holds of such labels, changed within its transaction.

    A label that met no row waits `wait_s`, then it is unknown. One that met a row stays for `grace_s`, since shadows answer
    later than the primary. More than `limit` are never kept: the oldest go first.
    """

    def __init__(self, catalogue: Catalogue, wait_s: float, grace_s: float, limit: int) -> None:
        self._catalogue = catalogue
        self._wait, self._grace, self._limit = int(wait_s * 1e9), int(grace_s * 1e9), limit
        self._refresh()

    def add(self, events: Sequence[Event], met: Sequence[bool]) -> None:
        """Remembers labels; one for the same row of the same request stands in place of an earlier one."""
        hashes = checksums([event.id for event in events])
        self._seen[hashes % _SLOTS] = True
        values = [
            (*event[1:4], number, msgspec.json.encode(event.label).decode(), event.time, event.received, has_met)
            for event, number, has_met in zip(events, hashes.tolist(), met, strict=True)
        ]
        self._catalogue.change().executemany(
            "INSERT OR REPLACE INTO expected VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, iif(?8, NULL, ?7 + ?9))",
            [(*row, self._wait) for row in values],
        )

    def match(self, model: str, ids: pa.ChunkedArray, hashes: Hashes) -> list[tuple[Event, bool]]:
        """The labels for these ids, and whether each has met a row before; from now on they have.

        Most rows have none yet, which a table of bits tells at 10 ns each.
        """
        maybe = np.flatnonzero(self._seen[hashes % _SLOTS])
        if not len(maybe):
            return []
        names = msgspec.json.encode(ids.take(pa.array(maybe)).to_pylist()).decode()
        found = self._catalogue.read(
            "SELECT id, row, label, time, received, met FROM expected"
            " WHERE model = ?1 AND id IN (SELECT value FROM json_each(?2))",
            model,
            names,
        )
        if found:
            self._catalogue.change().executemany(
                "UPDATE expected SET met = 1, until = NULL WHERE model = ? AND id = ? AND row = ? AND met = 0",
                [(model, name, row) for name, row, *_ in found],
            )
        return [
            (Event(0, model, name, row, msgspec.json.decode(label), time, received), bool(met))
            for name, row, label, time, received, met in found
        ]

    def expire(self, now: int) -> int:
        """Forgets those whose time is over at `now`, ns, and says how many of them never met a prediction."""
        database = self._catalogue.change()
        database.execute("UPDATE expected SET until = ? WHERE until IS NULL", (now + self._grace,))
        gone = database.execute("DELETE FROM expected WHERE until < ? RETURNING met, received", (now,)).fetchall()
        (left,) = database.execute("SELECT count(*) FROM expected").fetchone()
        if left > self._limit:
            gone += database.execute(
                "DELETE FROM expected WHERE (model, id, row) IN"
                " (SELECT model, id, row FROM expected ORDER BY met DESC, received LIMIT ?) RETURNING met, received",
                (left - self._limit,),
            ).fetchall()
        self._stale += len(gone)
        if self._stale > max(10_000, left):
            self._refresh()
        self._catalogue.raise_counter("expired", max((received for met, received in gone if met), default=0))
        return sum(not met for met, _ in gone)

    @property
    def expired(self) -> int:
        """Rows of requests that came later, ns since the epoch, can miss no label here that others of their request have."""
        return self._catalogue.counter("expired")

    def forget(self, model: str, requests: Mapping[str, Collection[int] | None]) -> None:
        """Removes the labels for rows of requests, None: for all of a request."""
        database = self._catalogue.change()
        for name, rows in requests.items():
            database.execute(
                "DELETE FROM expected WHERE model = ?1 AND id = ?2"
                " AND (?3 IS NULL OR row IN (SELECT value FROM json_each(?3)))",
                (model, name, None if rows is None else msgspec.json.encode(sorted(rows)).decode()),
            )

    def waiting(self) -> int:
        """How many labels have met no prediction."""
        ((found,),) = self._catalogue.read("SELECT count(*) FROM expected WHERE met = 0")
        return int(str(found))

    def _refresh(self) -> None:
        self._seen = np.zeros(_SLOTS, np.bool_)
        hashes = np.array(self._catalogue.read("SELECT hash FROM expected"), np.int64)
        self._seen[hashes.ravel() % _SLOTS] = True
        self._stale = 0
