"""Plain trees as bytes and back, exactly: arrays as they lie in memory, everything else as JSON. Nothing is unpickled."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from monitors.errors import CheckpointRefused
from monitors.measurement import Measurement
from monitors.tally import Tally
from monitors.worst import Worst

FORMAT = b"DGM2"
_MARK = "$"


def pack(tree: Any) -> bytes:
    """The bytes of a tree of mappings with string keys, sequences, arrays, Tally, Worst, Measurement, bytes and what JSON has.

    Sequences come back as lists. Arrays hold numbers or booleans. The bytes are compressed: most counts are 0.

    >>> unpack(pack({"rows": np.array([3]), "more": [b"x", None]}))
    {'rows': array([3]), 'more': [b'x', None]}
    """
    blobs: list[bytes] = []
    outline = json.dumps(_pack(tree, blobs), separators=(",", ":")).encode()
    body = b"".join([len(outline).to_bytes(8, "little"), outline, *blobs])
    return FORMAT + zlib.compress(body, 1)


def unpack(data: bytes) -> Any:
    """The tree. Raises CheckpointRefused for bytes that `pack` did not write."""
    if data[:4] != FORMAT:
        raise CheckpointRefused(f"checkpoint: found {data[:4]!r} at its beginning, expected {FORMAT!r}")
    try:
        body = memoryview(zlib.decompress(data[4:]))
        end = 8 + int.from_bytes(body[:8], "little")
        return _unpack(json.loads(bytes(body[8:end])), _Blobs(body, end))
    except (zlib.error, ValueError, KeyError, TypeError) as problem:
        raise CheckpointRefused(f"checkpoint: damaged: {problem}") from None


def _pack(value: Any, blobs: list[bytes]) -> Any:
    if isinstance(value, Mapping):
        return {_MARK: "mapping", "items": [[key, _pack(item, blobs)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_pack(item, blobs) for item in value]
    if isinstance(value, np.ndarray):
        blobs.append(value.tobytes())
        return {_MARK: "array", "dtype": value.dtype.str, "shape": value.shape, "size": len(blobs[-1])}
    if isinstance(value, bytes):
        blobs.append(value)
        return {_MARK: "bytes", "size": len(value)}
    return _leaf(value, blobs)


def _leaf(value: Any, blobs: list[bytes]) -> Any:
    if isinstance(value, Tally):
        fields = [value.capacity, list(value.counts.items()), value.dropped]
        return {_MARK: "tally", "fields": fields}
    if isinstance(value, Worst):
        return {_MARK: "worst", "fields": [value.capacity, value.rows]}
    if isinstance(value, Measurement):
        fields = [value.monitor, value.subject, value.statistic, value.value, value.n, value.interval]
        fields += [value.enough, value.p, value.matters, value.detail]
        return {_MARK: "measurement", "fields": _pack(fields, blobs)}
    return value.item() if isinstance(value, np.generic) else value


def _unpack(value: Any, blobs: _Blobs) -> Any:
    if isinstance(value, list):
        return [_unpack(item, blobs) for item in value]
    return _MADE[value[_MARK]](value, blobs) if isinstance(value, dict) else value


def _array(value: Any, blobs: _Blobs) -> Any:
    cells = np.frombuffer(blobs.take(value["size"]), np.dtype(value["dtype"]))
    return cells.reshape(value["shape"]).copy()


def _tally(value: Any, _blobs: _Blobs) -> Tally:
    capacity, counts, dropped = value["fields"]
    return Tally(capacity, dict(counts), dropped)


def _worst(value: Any, _blobs: _Blobs) -> Worst:
    capacity, rows = value["fields"]
    return Worst(capacity, [(score, row) for score, row in rows])


def _measurement(value: Any, blobs: _Blobs) -> Measurement:
    fields = _unpack(value["fields"], blobs)
    fields[5] = fields[5] and (fields[5][0], fields[5][1])
    make: Any = Measurement
    made: Measurement = make(*fields)
    return made


_MADE = {
    "mapping": lambda value, blobs: {key: _unpack(item, blobs) for key, item in value["items"]},
    "array": _array,
    "bytes": lambda value, blobs: bytes(blobs.take(value["size"])),
    "tally": _tally,
    "worst": _worst,
    "measurement": _measurement,
}


class _Blobs:
    """Hands out what stands after the outline, in order."""

    def __init__(self, body: memoryview, start: int) -> None:
        self._body, self._next = body, start

    def take(self, size: int) -> memoryview:
        self._next += size
        if self._next > len(self._body):
            raise ValueError("an array is cut short")
        return self._body[self._next - size : self._next]
