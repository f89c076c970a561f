"""Which requests are traced: those that their client traces, and a share of the others."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from typing import Protocol

from gateway.journey import Exchange
from gateway.trace import Asked, Span, context
from gateway.tracing.finished import Finished, finished

logger = logging.getLogger("driftgate")

_LOW = (1 << 64) - 1
_SAMPLED = 1


class Sink(Protocol):
    """Where finished requests go."""

    def put(self, item: Finished) -> None:
        """Takes one, at once."""
        ...

    def close(self, timeout_s: float) -> None:
        """Delivers what waits, for so long at most."""
        ...


class Tracer:
    """See journey.Tracer. Parent-based: where the client has decided, so it is; else by the trace id, as OpenTelemetry has it.

    sample: the share of the others that are traced, 0 to 1. A request without a context that is not drawn is in no trace: its
    answer and its record name none.
    """

    def __init__(self, sample: float, sink: Sink) -> None:
        self._bound = round(sample * (1 << 64))
        self._bits = random.Random().getrandbits  # seeded here: processes must not draw the same ids
        self._sink = sink

    def enter(self, headers: Mapping[str, str]) -> Span | None:
        """See journey.Tracer."""
        parent = context(headers)
        if parent is not None:
            return Span(parent.trace_id, f"{self._bits(64) or 1:016x}", parent.flags, parent)
        drawn = self._bits(128)
        if drawn & _LOW >= self._bound:
            return None
        return Span(f"{drawn or 1:032x}", f"{self._bits(64) or 1:016x}", _SAMPLED, None)

    def leave(self, exchange: Exchange, asked: Asked) -> None:
        """See journey.Tracer."""
        if exchange.span is None:
            return
        try:
            self._sink.put(finished(exchange, exchange.span, asked))
        except Exception:  # a trace is worth less than an answer
            logger.exception("a request could not be traced")

    def close(self, timeout_s: float) -> None:
        """Delivers what waits, for so long at most. What comes later is dropped."""
        self._sink.close(timeout_s)
