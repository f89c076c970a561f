"""W3C trace context: the one id that a request has in every system that it passes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_KNOWN_FLAGS = 0b11  # sampled, random: those that Level 2 of the recommendation names
_STATE = 512  # characters that everybody passes on


class Context(NamedTuple):
    """What a client says of its own place in a trace. Ids in hex, 32 and 16 digits; state: its `tracestate`, or empty."""

    trace_id: str
    span_id: str
    flags: int
    state: str

    @property
    def sampled(self) -> bool:
        """Whether the client records its part."""
        return bool(self.flags & 1)


class Span(NamedTuple):
    """Our own place in a trace: below `parent`, or at its beginning."""

    trace_id: str
    span_id: str
    flags: int
    parent: Context | None

    @property
    def sampled(self) -> bool:
        """Whether we record ours."""
        return bool(self.flags & 1)

    @property
    def traceparent(self) -> str:
        """The header that names it.

        >>> Span("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", 1, None).traceparent
        '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
        """
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


class Asked(NamedTuple):
    """What a span says of how a request came. method: of HTTP, or gRPC's with its service; path, route: of HTTP alone."""

    transport: Literal["http", "grpc"]
    method: str
    path: str = ""
    route: str = ""


def context(headers: Mapping[str, str]) -> Context | None:
    """What the headers `traceparent` and `tracestate` say; None without the first, or if it is not valid."""
    fields = _fields(headers)
    if fields is None:
        return None
    trace, span, flags = fields
    return Context(trace, span, int(flags, 16) & _KNOWN_FLAGS, tracestate(headers))


def trace_id(headers: Mapping[str, str]) -> str | None:
    """The trace id in the header `traceparent`, 32 hex digits; None if there is none that is valid.

    >>> trace_id({"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
    '4bf92f3577b34da6a3ce929d0e0e4736'
    """
    fields = _fields(headers)
    return fields[0] if fields else None


def tracestate(headers: Mapping[str, str]) -> str:
    """What other systems keep in the trace, if it may be passed on: printable, and not longer than everybody's limit."""
    state = headers.get("tracestate")
    return state if state and len(state) <= _STATE and state.isascii() and state.isprintable() else ""


def echo(headers: Mapping[str, str], span: Span | None) -> list[tuple[str, str]]:
    """The headers of an answer: our own place in the trace; where we have none, the client's own words, if they may be sent."""
    if span is not None:
        found = [("traceparent", span.traceparent)]
        return [*found, ("tracestate", span.parent.state)] if span.parent and span.parent.state else found
    given = headers.get("traceparent")
    if not (given and len(given) <= _STATE and given.isascii() and given.isprintable()):
        return []
    state = tracestate(headers)
    return [("traceparent", given), ("tracestate", state)] if state else [("traceparent", given)]


def _fields(headers: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Trace id, span id and flags.

    W3C Trace Context, section 3.2: ids of zeros are invalid; so is version ff, and 00 with more than four fields. Of a later
    version the first four are read.
    """
    given = headers.get("traceparent")
    if not given:
        return None
    match = _TRACEPARENT.fullmatch(given)
    if match is None:
        return None
    version, trace, span, flags, more = match.groups()
    if version == "ff" or (more is not None and version == "00") or not int(trace, 16) or not int(span, 16):
        return None
    return trace, span, flags
