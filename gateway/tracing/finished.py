"""What is kept of a request until its spans are made: small, and none of its inputs or outputs."""

from __future__ import annotations

from typing import NamedTuple

from gateway.journey import Exchange
from gateway.trace import Asked, Span

_NAME = 128  # characters of names that clients make up
_PATH = 256
_SENTENCE = 256


class Finished(NamedTuple):
    """A request that is over. Times in ns, `at` since the epoch; see journey.Exchange.

    version, route: 0 and empty where none was chosen. status, code: as HTTP and gRPC say it. outcome: ok, or the code of the
    refusal. problem: the refusal in words.
    """

    span: Span
    asked: Asked
    at: int
    input_ns: int
    queue_ns: int
    infer_ns: int
    total_ns: int
    request_id: str
    model: str
    version: int
    route: str
    revision: int
    rows: int
    batch: int
    status: int
    code: str
    outcome: str
    problem: str


def finished(exchange: Exchange, span: Span, asked: Asked) -> Finished:
    """What its spans are made of."""
    route, refusal = exchange.route, exchange.refusal
    return Finished(
        span,
        asked._replace(path=asked.path[:_PATH]),
        exchange.at,
        exchange.input_ns,
        exchange.queue_ns,
        exchange.infer_ns,
        exchange.total_ns,
        exchange.request_id,
        exchange.model[:_NAME],
        route.version if route else 0,
        route.reason if route else "",
        exchange.revision,
        exchange.rows,
        exchange.batch,
        refusal.status if refusal else 200,
        refusal.grpc if refusal else "OK",
        refusal.code if refusal else "ok",
        refusal.message[:_SENTENCE] if refusal else "",
    )
