"""The way of one inference request, whichever transport it came by."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from gateway.admission import Admission
from gateway.catalogue import Catalogue, Entry
from gateway.config import Limits
from gateway.errors import Cancelled, GatewayError, Overloaded
from gateway.identifier import uuid7
from gateway.query import Answer, Query, Rows
from gateway.routing import Route
from gateway.tensor import Tensor
from gateway.trace import Asked, Span, trace_id
from gateway.version import Version, Watch

logger = logging.getLogger("driftgate")

_COHORT = 64  # characters of the header x-cohort that are kept
_UNKNOWN = Asked("http", "POST")

Reply_co = TypeVar("Reply_co", covariant=True)


class Call(Protocol[Reply_co]):
    """A request as its transport holds it. span: its place in a trace, set before it is answered; None if nobody traces it."""

    span: Span | None

    @property
    def asked(self) -> Asked:
        """What its span says of how it came."""
        ...

    @property
    def model(self) -> str:
        """The model that it names."""
        ...

    @property
    def pinned(self) -> int | None:
        """The version that it names, if it does."""
        ...

    @property
    def request_id(self) -> str:
        """The id in its headers; empty if there is none that can be used."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers, or metadata, by lower-case name."""
        ...

    @property
    def watch(self) -> Watch | None:
        """How to notice that its client went away; None where the transport sees to that."""
        ...

    def parse(self) -> Query:
        """The query in the body. Raises GatewayError."""
        ...

    def timeout_s(self) -> float | None:
        """The time limit that the transport carries, in seconds. Raises GatewayError if it is malformed."""
        ...

    def answer(self, answer: Answer, query: Query, route: Route) -> Reply_co:
        """The reply that carries the answer."""
        ...

    def refuse(self, refusal: GatewayError, request_id: str) -> Reply_co:
        """The reply that says no."""
        ...


@dataclass(slots=True)
class Exchange:
    """What happened to one request: everything that the recorder folds over. Times in ns; `at` since the epoch."""

    at: int
    request_id: str
    model: str
    trace: str | None = None
    cohort: str | None = None
    revision: int = 0
    query: Query | None = None
    route: Route | None = None
    entry: Entry | None = None
    version: Version | None = None
    inputs: Rows = field(default_factory=dict)
    answer: Answer | None = None
    refusal: GatewayError | None = None
    rows: int = 0
    queue_ns: int = 0
    input_ns: int = 0
    infer_ns: int = 0
    output_ns: int = 0
    total_ns: int = 0
    batch: int = 0
    leads: bool = False
    span: Span | None = None


class Tracer(Protocol):
    """Who traces requests. Neither method waits, or raises anything."""

    def enter(self, headers: Mapping[str, str]) -> Span | None:
        """The place in a trace of a request with these headers; None if it is in no trace."""
        ...

    def leave(self, exchange: Exchange, asked: Asked) -> None:
        """Takes note of an exchange whose span is sampled."""
        ...


@dataclass(frozen=True, slots=True)
class Plane:
    """What a journey needs.

    authenticate: raises GatewayError for headers that it does not trust. record: raises Overloaded for an answer that may not
    be given, since it cannot be recorded. tracer: None where nothing is traced.
    """

    catalogue: Catalogue
    admission: Admission
    limits: Limits
    authenticate: Callable[[Mapping[str, str]], None]
    record: Callable[[Exchange], None]
    tracer: Tracer | None = None


async def infer(plane: Plane, call: Call[Reply_co]) -> Reply_co:
    """Authenticate, parse, route, run, record, respond. Every refusal becomes a reply, and every way out is recorded.

    Raises nothing but CancelledError, when the task that it runs in is cancelled.
    """
    began = time.perf_counter_ns()
    exchange = begin(call.model, call.headers, call.request_id, plane.tracer)
    if exchange.span is not None:
        call.span = exchange.span
    try:
        plane.admission.enter(began)
        try:
            plane.authenticate(call.headers)
            exchange.query = query = call.parse()
            exchange.request_id = query.id or call.request_id or uuid7()
            deadline = _deadline(plane.limits, call.timeout_s(), query)
            exchange.revision = plane.catalogue.revision(call.model)
            exchange.route, exchange.entry, version = plane.catalogue.route(
                call.model, call.pinned, random.random(), call.headers, query
            )
            exchange.version = version
            exchange.inputs, exchange.rows = version.signature.fit(query)
            names = version.signature.choose(query.wanted)
            parsed = time.perf_counter_ns()
            result = await version.runner.run(exchange.inputs, exchange.rows, names, deadline, call.watch)
            computed = time.perf_counter_ns()
            exchange.answer = _compose(version, exchange.request_id, result.outputs)
            reply = call.answer(exchange.answer, query, exchange.route)
            exchange.input_ns, exchange.output_ns = parsed - began, time.perf_counter_ns() - computed
            _, exchange.queue_ns, exchange.infer_ns, exchange.batch, exchange.leads = result
        finally:
            plane.admission.leave(time.perf_counter_ns())
    except (Exception, asyncio.CancelledError) as problem:
        exchange.request_id = exchange.request_id or uuid7()
        exchange.answer, exchange.refusal = None, _refusal(problem, exchange)
        if isinstance(problem, asyncio.CancelledError):
            raise
        reply = call.refuse(exchange.refusal, exchange.request_id)
    finally:
        exchange.total_ns = time.perf_counter_ns() - began
        unrecorded = _record(plane, exchange)
        if plane.tracer is not None and exchange.span is not None and exchange.span.sampled:
            plane.tracer.leave(exchange, call.asked)
    return reply if unrecorded is None else call.refuse(unrecorded, exchange.request_id)


def begin(model: str, headers: Mapping[str, str], request_id: str, tracer: Tracer | None = None) -> Exchange:
    """What is known of a request as it comes in."""
    cohort = headers.get("x-cohort", "")[:_COHORT] or None
    span = None if tracer is None else tracer.enter(headers)
    trace = trace_id(headers) if span is None else span.trace_id
    return Exchange(time.time_ns(), request_id, model, trace=trace, cohort=cohort, span=span)


def refuse(plane: Plane, exchange: Exchange, refusal: GatewayError, began_ns: int, asked: Asked = _UNKNOWN) -> None:
    """Records a request that was refused before its journey began, `began_ns` ago by `time.perf_counter_ns`."""
    exchange.refusal = refusal
    exchange.request_id = exchange.request_id or uuid7()
    exchange.total_ns = time.perf_counter_ns() - began_ns
    exchange.at -= exchange.total_ns  # when it came, not when it was refused
    _record(plane, exchange)
    if plane.tracer is not None and exchange.span is not None and exchange.span.sampled:
        plane.tracer.leave(exchange, asked)


def _record(plane: Plane, exchange: Exchange) -> Overloaded | None:
    """Records it; gives what to say instead of an answer that may not be given. Any other failure costs nobody an answer."""
    try:
        plane.record(exchange)
    except Overloaded as refusal:
        return refusal
    except Exception:
        logger.exception("an exchange could not be recorded", extra=marks(exchange))
    return None


def count(exchange: Exchange) -> None:
    """Folds an exchange into the statistics of the version that it was routed to."""
    if exchange.entry is None:
        return
    statistics = exchange.entry.statistics
    if exchange.answer is None:
        statistics.failed(exchange.total_ns)
        return
    times = (exchange.queue_ns, exchange.input_ns, exchange.infer_ns, exchange.output_ns, exchange.total_ns)
    statistics.succeeded(exchange.rows, exchange.leads, exchange.batch, times, exchange.at // 1_000_000)


def trust_everyone(headers: Mapping[str, str]) -> None:
    """The authentication of a gateway that only this machine can reach."""


def marks(exchange: Exchange) -> dict[str, str | int]:
    """What a line of the log says of the request that it concerns: see `log`."""
    found: dict[str, str | int] = {"request_id": exchange.request_id, "model": exchange.model}
    if exchange.trace:
        found["trace_id"] = exchange.trace
    if exchange.route:
        found["version"] = exchange.route.version
    return found


def _refusal(problem: BaseException, exchange: Exchange) -> GatewayError:
    """What a request that ended so is recorded as, and what its client may know of it."""
    if isinstance(problem, GatewayError):
        if problem.status == GatewayError.status:  # the log knows its cause by now, but not whom it met
            logger.error("an inference request failed: %s", problem.message, extra=marks(exchange))
        return problem
    if isinstance(problem, asyncio.CancelledError):
        return Cancelled("the call was cancelled before its answer was ready")
    logger.error("an inference request failed in a way that is not foreseen", exc_info=problem, extra=marks(exchange))
    return GatewayError("internal error; the gateway's log says more")


def _deadline(limits: Limits, transport_s: float | None, query: Query) -> float | None:
    """The earliest of the limits that apply, by `time.monotonic()`; None if there is none."""
    own_s = query.timeout_us / 1e6 if query.timeout_us else None
    given = [limit for limit in (limits.timeout, transport_s, own_s) if limit is not None]
    return time.monotonic() + min(given) if given else None


def _compose(version: Version, request_id: str, outputs: Mapping[str, object]) -> Answer:
    specs = version.signature.outputs
    tensors = [Tensor(name, specs[name].datatype, array) for name, array in outputs.items()]  # type: ignore[arg-type]
    return Answer(version.manifest.name, version.manifest.version, request_id, tensors)
