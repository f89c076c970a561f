"""W3C trace context: the one id that a request has in every system that it passes."""

from __future__ import annotations

import re
from collections.abc import Mapping

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def trace_id(headers: Mapping[str, str]) -> str | None:
    """The trace id in the header `traceparent`, 32 hex digits; None if there is none that is valid.

    >>> trace_id({"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
    '4bf92f3577b34da6a3ce929d0e0e4736'

    W3C Trace Context, section 3.2: an id of zeros is invalid, version ff is too.
    """
    given = headers.get("traceparent")
    if not given:
        return None
    match = _TRACEPARENT.fullmatch(given)
    if match is None or given.startswith("ff") or not int(match[1], 16):
        return None
    return match[1]
