"""Requests of the Open Inference Protocol, encoded once, before the clock runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np

from loadtests.scenario import Described, Floats, Mixed, Scalar, Scenario

VARIANTS = 64
"""How many different requests stand behind one body: enough that no cache answers, little enough to stay in memory."""


@dataclass(frozen=True, slots=True)
class Request:
    """One POST. `rows` is how many rows of input it carries."""

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    rows: int

    def wire(self, authority: str) -> bytes:
        """The bytes as they go over the connection, which stays open."""
        lines = [f"POST {self.path} HTTP/1.1", f"Host: {authority}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode("ascii") + self.body


def requests(scenario: Scenario, metadata: Mapping[str, Any] | None = None, seed: int = 0) -> tuple[Request, ...]:
    """What the scenario sends, in order; after the last comes the first again.

    metadata: the model as its server describes it; only needed for `described` bodies.
    """
    draw = np.random.default_rng(seed)
    body = scenario.body
    if not isinstance(body, Mixed):
        return tuple(islice(_stream(body, scenario, metadata, draw), VARIANTS))
    streams = [(part.weight, _stream(part.body, scenario, metadata, draw)) for part in body.parts]
    turns = max(1, VARIANTS // sum(weight for weight, _ in streams))
    return tuple(r for _ in range(turns) for weight, stream in streams for r in islice(stream, weight))


def floats(path: str, rows: np.ndarray[Any, np.dtype[np.float32]], name: str, binary: bool) -> Request:
    """A request with one FP32 tensor of [rows, columns], as JSON or in Triton's binary form (outputs too)."""
    tensor: dict[str, Any] = {"name": name, "shape": list(rows.shape), "datatype": "FP32"}
    if not binary:
        return _as_json(path, [tensor | {"data": [float(str(value)) for value in rows.ravel()]}], len(rows), ())
    raw = rows.astype("<f4").tobytes()
    tensor["parameters"] = {"binary_data_size": len(raw)}
    header = _encode({"inputs": [tensor], "parameters": {"binary_data_output": True}})
    headers = (("Content-Type", "application/octet-stream"), ("Inference-Header-Content-Length", str(len(header))))
    return Request(path, headers, header + raw, len(rows))


def _stream(
    body: Floats | Described, scenario: Scenario, metadata: Mapping[str, Any] | None, draw: np.random.Generator
) -> Iterator[Request]:
    extra = tuple(scenario.headers.items())
    turns = {name: cycle(values) for name, values in body.values.items()} if isinstance(body, Described) else {}
    while True:
        if isinstance(body, Floats):
            rows = draw.standard_normal((body.rows, body.columns)).round(4).astype(np.float32)
            made = floats(scenario.path, rows, body.input, body.kind == "binary")
            yield Request(made.path, made.headers + extra, made.body, made.rows)
        else:
            inputs = [_described(entry, body.rows, turns, draw) for entry in (metadata or {})["inputs"]]
            yield _as_json(scenario.path, inputs, body.rows, extra)


def _described(
    entry: Mapping[str, Any], rows: int, turns: Mapping[str, Iterator[Scalar]], draw: np.random.Generator
) -> dict[str, Any]:
    """A tensor for one input of the model's metadata; dimensions of any size are `rows` first, then 1."""
    shape = [rows if at == 0 else max(1, int(size)) for at, size in enumerate(entry["shape"])] or [rows]
    count = int(np.prod(shape))
    turn = turns.get(entry["name"])
    data = list(islice(turn, count)) if turn else _random(str(entry["datatype"]), count, draw)
    return {"name": entry["name"], "shape": shape, "datatype": entry["datatype"], "data": data}


def _random(datatype: str, count: int, draw: np.random.Generator) -> list[Any]:
    if datatype.startswith("FP"):
        return [round(float(value), 4) for value in draw.standard_normal(count)]
    if datatype == "BYTES":
        return [f"value-{value}" for value in draw.integers(0, 10, count)]
    if datatype == "BOOL":
        return [bool(value) for value in draw.integers(0, 2, count)]
    return [int(value) for value in draw.integers(0, 10, count)]


def _as_json(path: str, inputs: list[dict[str, Any]], rows: int, extra: tuple[tuple[str, str], ...]) -> Request:
    return Request(path, (("Content-Type", "application/json"), *extra), _encode({"inputs": inputs}), rows)


def _encode(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
