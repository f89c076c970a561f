"""The corpus: hostile requests as files, one JSON object a line.

`name` says what is wrong; `path`, `method` (POST), `headers` and `body` make the request; `status` and
`message_contains` are what must come back. A `path` or `body` may be a list of `[text, times]`, for what would be long;
`body_base64` is for bytes, and `packed` names the encoding to pack the body in.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}
FOLDER = Path(__file__).parent / "corpus"


class Case(NamedTuple):
    """One hostile request and what must come of it."""

    name: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None
    status: int
    says: str


def read_corpus() -> list[Case]:
    """Every case of every file."""
    return [
        _case(json.loads(line)) for path in sorted(FOLDER.glob("*.jsonl")) for line in path.read_text().splitlines()
    ]


def _case(line: dict[str, Any]) -> Case:
    body = base64.b64decode(line["body_base64"]) if "body_base64" in line else None
    if "body" in line:
        body = _text(line["body"]).encode()
    if "packed" in line:
        body = PACKERS[line["packed"]](body or b"")
    return Case(
        line["name"],
        line.get("method", "POST"),
        _text(line["path"]),
        line.get("headers", {}),
        body,
        line["status"],
        line.get("message_contains", ""),
    )


def _text(given: str | list[tuple[str, int]]) -> str:
    return given if isinstance(given, str) else "".join(text * times for text, times in given)
