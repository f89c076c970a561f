"""What was forgotten: a shadow that still reads what others recorded must not bring it back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.store.catalogue import Catalogue

_MOST = 1_000_000


class Tombstones:
    """Checksums of forgotten rows, with the time of forgetting; the last million of them: 30 MB at the most.

    They are asked about rows alone whose request came before the last forgetting: shadows that keep up cost nothing.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._last = int(str(catalogue.read("SELECT max(time) FROM forgotten")[0][0] or 0))

    def add(self, model: str, requests: Mapping[str, Collection[int] | None], now: int) -> None:
        """Enters rows of requests, None: all of a request, that are forgotten at `now`, ns, within the transaction."""
        self._last = max(self._last, now)
        checksums = [_checksum(model, name, row) for name, rows in requests.items() for row in (rows or (None,))]
        database = self._catalogue.change()
        database.executemany("INSERT OR REPLACE INTO forgotten VALUES (?, ?)", [(one, now) for one in checksums])
        database.execute(
            "DELETE FROM forgotten WHERE checksum IN (SELECT checksum FROM forgotten ORDER BY time DESC LIMIT -1 OFFSET ?)",
            (_MOST,),
        )

    def left(
        self, model: Sequence[str] | str, ids: Sequence[str], rows: Sequence[int | None], times: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Which rows were not forgotten after their requests came, at `times`, ns since the epoch: bool [n]."""
        left = np.ones(len(ids), np.bool_)
        old = np.flatnonzero(times <= self._last).tolist()
        if not old:
            return left
        models = [model] * len(ids) if isinstance(model, str) else model
        asked = {place: {_checksum(models[place], ids[place], row) for row in (None, rows[place])} for place in old}
        found: dict[int, int] = dict(
            self._catalogue.read(
                "SELECT checksum, time FROM forgotten WHERE checksum IN (SELECT value FROM json_each(?))",
                msgspec.json.encode([one for each in asked.values() for one in each]).decode(),
            )
        )
        for place, checksums in asked.items():
            left[place] = not any(found.get(one, 0) >= times[place] for one in checksums)
        return left


def _checksum(model: str, name: str, row: int | None) -> int:
    digest = blake2b(msgspec.msgpack.encode((model, name, row)), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
