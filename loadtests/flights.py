"""Flights of 2013 as a replica records them: as frames of a journal, as labels, and as requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gateway.identifier import format_uuid7
from gateway.journal.frame import Answered
from gateway.labels.label import Label
from gateway.manifest import read_manifest
from gateway.policy import Policy, recipe
from gateway.replay.recording import LABEL, recording
from gateway.repository import Folder, scan
from gateway.session import Session
from gateway.tensor import DATATYPES
from loadtests.errors import LoadError
from loadtests.request import Request

NAME, VERSION = "flights", 2
REPOSITORY = Path(__file__).parents[1] / "models"
PATH = f"/v2/models/{NAME}/infer"

_RATE = 2_000  # frames in a second of the journal's own time
_MINUTE_NS = 60_000_000_000


class Flights:
    """So many flights of the bundled recording, in no order: clients ask about whichever they want, and nothing compresses
    because it stands beside its like. Where there are not so many, each comes several times.

    begin_ns: when the first was answered, ns since the epoch. ids: UUIDv7, as for clients that give none. Raises LoadError
    if the model is not there.
    """

    def __init__(self, rows: int, begin_ns: int, seed: int = 1) -> None:
        folder = _folder()
        manifest = read_manifest(folder.path / "model.yaml")
        self._session = Session(folder.path / "model.onnx", folder.label)
        made = recipe(manifest, self._session.signature, folder.stamp, Policy(), b"")
        assert made is not None
        self._recipe, self.layout, self.rows = made, made.layout, rows
        draw = np.random.default_rng(seed)
        self._times = (begin_ns + draw.exponential(10**9 / _RATE, rows).cumsum().astype(np.int64)).tolist()
        noise = draw.bytes(10 * rows)
        self.ids = [format_uuid7(time // 10**6, noise[at * 10 : at * 10 + 10]) for at, time in enumerate(self._times)]
        names = [field.name for field in self.layout.inputs]
        table = pq.read_table(recording(REPOSITORY, NAME), columns=[*names, LABEL])
        table = table.take(pa.array(draw.permutation(max(rows, len(table)))[:rows] % len(table)))
        self._columns = {
            field.name: table.column(field.name).to_numpy().astype(DATATYPES[field.datatype].dtype)[:, None]
            for field in self.layout.inputs
        }
        self._late = table.column(LABEL).to_pylist()
        self._compute = draw.lognormal(9.9, 0.3, rows).astype(int).tolist()  # ns; median 20 µs
        self._around = draw.lognormal(11.2, 0.4, rows).astype(int).tolist()  # 73 µs
        self._flown = (draw.integers(60, 500, rows) * _MINUTE_NS).tolist()
        self._shuffled = draw.permutation(rows).tolist()

    def frames(self) -> Iterator[Answered]:
        """The answer of flights/2 to each, of layout 0, one row each, without trace ids and cohorts."""
        answers = self._session.run(self._columns)
        for at, (time, name) in enumerate(zip(self._times, self.ids, strict=True)):
            here = slice(at, at + 1)
            yield Answered(
                time,
                name,
                None,
                0,
                False,
                "stable",
                1,
                None,
                1,
                0,
                self._compute[at],
                self._compute[at] + self._around[at],
                [encode(self._columns[name][here]) for name, encode in self._recipe.inputs],
                [encode(answers[name][here]) for name, encode in self._recipe.outputs],
                [],
            )

    def labels(self, shuffled: bool) -> list[Label]:
        """Whether each was late, known some hours later; 0 for those that never landed, so that there is one for each."""
        found = [
            Label(NAME, name, 0, int(late or 0), time + flown)
            for name, late, time, flown in zip(self.ids, self._late, self._times, self._flown, strict=True)
        ]
        return [found[at] for at in self._shuffled] if shuffled else found

    def requests(self, size: int) -> list[Request]:
        """As requests of `size` rows each; what is left over is not sent."""
        return [self._request(slice(at, at + size)) for at in range(0, self.rows - size + 1, size)]

    def _request(self, here: slice) -> Request:
        inputs = [_tensor(field.name, field.datatype, self._columns[field.name][here]) for field in self.layout.inputs]
        body = json.dumps({"inputs": inputs}, separators=(",", ":")).encode()
        return Request(PATH, (("Content-Type", "application/json"),), body, here.stop - here.start)


def _tensor(name: str, datatype: str, values: Any) -> dict[str, Any]:
    # A float32 as its own shortest text, not as that of the double it becomes; NaN as null: not every flight has weather.
    data = [
        (float(str(value)) if np.isfinite(value) else None) if values.dtype.kind == "f" else value
        for value in (values.ravel() if values.dtype.kind == "f" else values.ravel().tolist())
    ]
    return {"name": name, "datatype": datatype, "shape": list(values.shape), "data": data}


def _folder() -> Folder:
    found = scan(REPOSITORY).get(NAME, {}).get(VERSION)
    if found is None:
        raise LoadError(f"{REPOSITORY}: has no {NAME}/{VERSION}, whose answers are what is recorded")
    return found
