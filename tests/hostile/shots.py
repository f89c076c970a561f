"""Hostile requests drawn by Hypothesis: a valid request for a model, then up to four things done to it."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote

import numpy as np
from hypothesis import strategies as st

from gateway.tensor import DATATYPES, fp32_to_bf16

Tree = Any
"""JSON as Python holds it."""

NAN = "\x00NaN\x00"
"""Stands for a bare word in a tree; see `_dump`."""

LENGTH = "Inference-Header-Content-Length"


@dataclass
class Shot:
    """A request, first as parts that can be tampered with, then as bytes."""

    path: str
    tree: Tree
    tail: bytes = b""
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Target:
    """A model as its metadata describes it; each input is name, datatype and shape."""

    name: str
    inputs: tuple[tuple[str, str, tuple[int, ...]], ...]
    outputs: tuple[str, ...]


WORDS = [
    "",
    "a",
    "NaN",
    "Infinity",
    "x" * 5000,
    "\0",
    "\n\r",
    "\ud800",
    "é",
    "😀",
    "../..",
    "1",
    "FP32",
    "BYTES",
    "null",
]
NUMBERS: list[Tree] = [
    *(
        0,
        1,
        -1,
        127,
        128,
        255,
        256,
        65519,
        65520,
        2**31,
        -(2**31) - 1,
        2**40,
        2**40 + 1,
        2**53,
        2**63,
        -(2**63) - 1,
        2**64,
    ),
    *(0.5, 1.0, -0.0, 1e39, -1e39, 3.4e38, 1e308, 1e-320, 10**400, NAN, "\x00Infinity\x00", "\x00-Infinity\x00"),
    *("\x001e999\x00", "\x0001\x00", "\x00+1\x00", "\x001.\x00", "\x000x10\x00", "\x00" + "9" * 5000 + "\x00"),
]
VALUES: list[Tree] = [*WORDS, *NUMBERS, None, True, False, [], {}, [[]], [None], {"a": 1}, [[1], [2, 3]], [1, "a"]]
SIZES = [0, 1, 2, 3, 7, -1, 2**31, 2**32, 2**40, 2**40 + 1, 2**63, 1.0, True, "1", None]
BAD_HEADERS = [
    *((LENGTH, value) for value in ("0", "1", "-1", "10", "100000", "9" * 30, "1e3", "x", "")),
    *(("content-encoding", value) for value in ("gzip", "deflate", "br", "gzip, gzip", "", "identity")),
    *(("timeout", value) for value in ("0", "-1", "nan", "1e9", "0.000001", "5", "9" * 40)),
    *(("x-request-id", value) for value in ("a\tb", "é", "a" * 200, "", "fine")),
    *(("accept-encoding", value) for value in ("gzip", "deflate;q=0.1", "*", ";;;,,,q=", "gzip;q=nan")),
    *(("traceparent", value) for value in ("00-0-0-00", "a" * 600, "é")),
    *(("content-type", value) for value in ("text/html", "application/octet-stream", "")),
]
PATHS = ["/v2/models/{}/versions/{}", "/v2/models/{}/versions/{}/infer", "/v2/models/{}/stats", "/v2/models/{}{}/infer"]
PARAMETERS = ["timeout", "binary_data_output", "binary_data_size", "binary_data", "classification", "sequence_id", "x"]


def shots(targets: list[Target]) -> st.SearchStrategy[Shot]:
    """Requests against the models; about one in ten is left valid."""
    deeds = st.lists(st.sampled_from(DEEDS), min_size=0, max_size=4)
    return st.builds(_shot, st.sampled_from(targets), deeds, st.integers(0, 2**64 - 1))


def _shot(target: Target, deeds: list[Callable[[Random, Shot], None]], seed: int) -> Shot:
    random = Random(seed)
    shot = _valid(random, target)
    for deed in deeds:
        if deed not in LATE:
            deed(random, shot)
    text = _dump(shot.tree)
    if shot.tail or LENGTH in shot.headers:
        shot.headers.setdefault(LENGTH, str(len(text)))
    shot.body = text + shot.tail
    for deed in deeds:
        if deed in LATE:
            deed(random, shot)
    return shot


def _valid(random: Random, target: Target) -> Shot:
    inputs, tail, rows = [], b"", random.choice([1, 1, 2, 5])
    for name, datatype, pattern in target.inputs:
        shape = [rows if at == 0 and size < 0 else 2 if size < 0 else size for at, size in enumerate(pattern)]
        values = _values(random, datatype, int(np.prod(shape)))
        given: dict[str, Tree] = {"name": name, "datatype": datatype, "shape": shape}
        if random.random() < 0.3:
            raw = _raw(values, datatype)
            given["parameters"] = {"binary_data_size": len(raw)}
            tail += raw
        else:
            given["data"] = _nest(values, shape) if random.random() < 0.3 else values
        inputs.append(given)
    tree: dict[str, Tree] = {"inputs": inputs}
    if random.random() < 0.4:
        tree["id"] = f"shot-{random.randrange(1000)}"
    if random.random() < 0.4:
        tree["outputs"] = [_output(random, name) for name in target.outputs]
    if random.random() < 0.2:
        tree["parameters"] = {"binary_data_output": True}
    version = random.choice(["", "/versions/1"])
    return Shot(f"/v2/models/{target.name}{version}/infer", tree, tail)


def _output(random: Random, name: str) -> Tree:
    choice = random.choice([{}, {"binary_data": True}, {"binary_data": False}, {"classification": 2}])
    return {"name": name, "parameters": choice} if choice else {"name": name}


def _values(random: Random, datatype: str, count: int) -> list[Tree]:
    if datatype == "BOOL":
        return [random.random() < 0.5 for _ in range(count)]
    if datatype == "BYTES":
        return [random.choice(["", "a", "EWR", "männlich", "😀", "a b\tc"]) for _ in range(count)]
    if datatype.startswith(("FP", "BF")):
        return [random.choice([0.0, 1.5, -2.25, random.gauss(0, 100), None]) for _ in range(count)]
    return [random.randrange(0, 4) for _ in range(count)]


def _raw(values: list[Tree], datatype: str) -> bytes:
    if datatype == "BYTES":
        return b"".join(struct.pack("<I", len(value.encode())) + value.encode() for value in values)
    if datatype == "BF16":
        return fp32_to_bf16(np.array(values, np.float32)).tobytes()
    return np.array(values, DATATYPES[datatype].dtype).tobytes()


def _nest(values: list[Tree], shape: list[int]) -> Tree:
    if len(shape) < 2:
        return values
    step = len(values) // shape[0] if shape[0] else 0
    return [_nest(values[at * step : (at + 1) * step], shape[1:]) for at in range(shape[0])]


def _dump(tree: Tree) -> bytes:
    """JSON, in which strings between NULs are words as they stand, and a lone surrogate is escaped."""
    text = json.dumps(tree)
    for word in {value for value in NUMBERS if isinstance(value, str)}:
        text = text.replace(json.dumps(word), word.strip("\0"))
    return text.encode()


def _places(tree: Tree) -> list[tuple[Any, Any]]:
    """Every container with a key or index of it: where a value can be put, doubled or taken away."""
    found: list[tuple[Any, Any]] = []
    pending = [tree] if isinstance(tree, dict | list) else []
    while pending:
        node = pending.pop()
        keys: list[Any] = list(node) if isinstance(node, dict) else list(range(len(node)))
        found += [(node, key) for key in keys]
        pending += [node[key] for key in keys if isinstance(node[key], dict | list)]
    return found


def _replace(random: Random, shot: Shot) -> None:
    """Some value becomes another."""
    places = _places(shot.tree)
    if places:
        node, key = random.choice(places)
        node[key] = deepcopy(random.choice(VALUES))


def _replace_number(random: Random, shot: Shot) -> None:
    """Some element of some data becomes a number that is hard to hold."""
    lists = [node for node, _ in _places(shot.tree) if isinstance(node, list) and node]
    if lists:
        node = random.choice(lists)
        node[random.randrange(len(node))] = random.choice(NUMBERS)


def _reshape(random: Random, shot: Shot) -> None:
    """Some shape becomes another."""
    for given in _inputs(random, shot):
        size = [random.choice(SIZES) for _ in range(random.choice([0, 1, 1, 2, 3, 4, 33, 70]))]
        given["shape"] = size
        if random.random() < 0.3 and "data" in given:
            given["data"] = []


def _empty(random: Random, shot: Shot) -> None:
    """No elements, in a shape with a zero."""
    for given in _inputs(random, shot):
        given["shape"] = [0, *(random.choice([0, 1, 2**20, 2**40]) for _ in range(random.randrange(3)))]
        random.shuffle(given["shape"])
        given["data"] = []
        given.pop("parameters", None)


def _retype(random: Random, shot: Shot) -> None:
    """Some input takes another datatype, with its data or without."""
    for given in _inputs(random, shot):
        given["datatype"] = random.choice([*DATATYPES, "FP8", "", "fp32", "\n"])


def _rename(random: Random, shot: Shot) -> None:
    """Some key or name becomes another."""
    places = [(node, key) for node, key in _places(shot.tree) if isinstance(node, dict)]
    if places:
        node, key = random.choice(places)
        node[random.choice(WORDS)] = node.pop(key)


def _drop(random: Random, shot: Shot) -> None:
    """Something is missing."""
    places = _places(shot.tree)
    if places:
        node, key = random.choice(places)
        del node[key]


def _double(random: Random, shot: Shot) -> None:
    """Something is there twice."""
    lists = [node for node, _ in _places(shot.tree) if isinstance(node, list) and node]
    if lists:
        node = random.choice(lists)
        node.insert(random.randrange(len(node) + 1), deepcopy(random.choice(node)))


def _bury(random: Random, shot: Shot) -> None:
    """Something lies deeper than it should."""
    places = _places(shot.tree)
    if places:
        node, key = random.choice(places)
        for _ in range(random.choice([1, 2, 40, 60])):
            node[key] = [node[key]]


def _parametrize(random: Random, shot: Shot) -> None:
    """Some parameter has an unlikely value."""
    holders = [shot.tree, *(node[key] for node, key in _places(shot.tree))]
    holders = [holder for holder in holders if isinstance(holder, dict)]
    if holders:
        random.choice(holders)["parameters"] = {random.choice(PARAMETERS): deepcopy(random.choice(VALUES))}


def _classify(random: Random, shot: Shot) -> None:
    """Every output is asked for as classes."""
    if isinstance(shot.tree, dict) and isinstance(shot.tree.get("outputs"), list):
        for output in shot.tree["outputs"]:
            if isinstance(output, dict):
                output["parameters"] = {"classification": random.choice([1, 3, 2**31 - 1])}


def _misdirect(random: Random, shot: Shot) -> None:
    """The path names something else."""
    word = quote(random.choice(["nope", "a/b", "\0", "é", "..", "m" * 3000, "%"]), errors="surrogatepass", safe="")
    shot.path = random.choice(PATHS).format(word, random.choice(["0", "1", "99", "x", "9" * 60, "%D9%A1", ""]))
    shot.method = random.choice(["POST", "GET", "PUT", "DELETE", "HEAD"])


def _header(random: Random, shot: Shot) -> None:
    """A header lies, or is malformed."""
    name, value = random.choice(BAD_HEADERS)
    shot.headers[name] = value


def _tail(random: Random, shot: Shot) -> None:
    """There are more, fewer or other bytes behind the JSON than it says."""
    noise = random.randbytes(random.choice([1, 3, 4, 8, 100]))
    shot.tail = random.choice([shot.tail + noise, shot.tail[:-1], noise, shot.tail[::-1], b""])


def _cut(random: Random, shot: Shot) -> None:
    """The body ends early."""
    shot.body = shot.body[: random.randrange(len(shot.body) + 1)]


def _scribble(random: Random, shot: Shot) -> None:
    """Some bytes become others."""
    body = bytearray(shot.body)
    for _ in range(random.choice([1, 1, 3, 20])):
        if body:
            body[random.randrange(len(body))] = random.randrange(256)
    shot.body = bytes(body)


def _insert(random: Random, shot: Shot) -> None:
    """Something is put in between."""
    at = random.randrange(len(shot.body) + 1)
    piece = random.choice(
        [b"\xff", b"\xed\xa0\x80", b"\0", b"NaN", b"[" * 2000, b'{"a":' * 2000, b"}", b'"', b"\\u", b",", b"e9"]
    )
    shot.body = shot.body[:at] + piece + shot.body[at:]


def _pack(random: Random, shot: Shot) -> None:
    """The body is packed, honestly or not."""
    shot.headers["content-encoding"] = random.choice(["gzip", "deflate"])
    packed = gzip.compress(shot.body) if random.random() < 0.5 else zlib.compress(shot.body)
    shot.body = random.choice([packed, packed, packed[:-3], packed + b"x", packed[:12]])


def _inputs(random: Random, shot: Shot) -> list[dict[str, Tree]]:
    """One of the inputs, if there is still one."""
    inputs = shot.tree.get("inputs") if isinstance(shot.tree, dict) else None
    held = [given for given in inputs if isinstance(given, dict)] if isinstance(inputs, list) else []
    return [random.choice(held)] if held else []


LATE = [_cut, _scribble, _insert, _pack]
"""What is done to the bytes, after everything that is done to the parts."""

DEEDS = [
    *(_replace, _replace_number, _reshape, _empty, _retype, _rename, _drop, _double, _bury, _parametrize, _classify),
    *(_misdirect, _header, _tail, *LATE),
]
