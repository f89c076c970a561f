"""OpenTelemetry: spans made of finished requests, and sent to a collector by OTLP over HTTP.

The only module that imports its packages, and only imported where tracing is configured. Names of attributes are those of the
semantic conventions: HTTP server spans (stable), RPC server spans.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version as installed

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from gateway.trace import Context
from gateway.tracing.finished import Finished

Value = str | int

_LIBRARY = ("opentelemetry.exporter.otlp.proto.http", "opentelemetry.util.re")
"""Who has something to say about sending, and about headers."""

_GRPC_FAULTS = {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
_AFTERWARDS = ("Failed to export %s batch due to", "Shutdown in progress")  # these say less than what was said before
_SENTENCE = 300
_GONE = 499
_SERVER_FAULT = 500


class Collector:
    """Where spans go. See delivery.Receiver.

    url: of the traces, `…/v1/traces`. service: its name, None for what the environment says, or driftgate. attributes: of the
    resource. Headers, certificates, compression and time limit are those of the environment: OTEL_EXPORTER_OTLP_HEADERS and the
    like.
    """

    def __init__(self, url: str, service: str | None, attributes: Mapping[str, str]) -> None:
        self._url = url
        self._heard = _Heard()
        for name in _LIBRARY:
            logging.getLogger(name).handlers[:] = [self._heard]
            logging.getLogger(name).propagate = False  # each failure would be a line; Delivery tells of many in one
        logging.getLogger("opentelemetry.trace.span").setLevel(
            logging.ERROR
        )  # it would repeat what a client sent amiss
        self.resource = resource(service, attributes)
        self._exporter = OTLPSpanExporter(endpoint=url)
        self._scope = InstrumentationScope("driftgate", installed("driftgate"))

    @property
    def problem(self) -> str:
        """See Receiver. Before anything was sent: what the environment says that makes no sense."""
        return f"{self._url}: {self._heard.last}" if self._heard.last else ""

    def send(self, items: Sequence[Finished]) -> bool:
        """See Receiver."""
        self._heard.last = ""
        try:
            made = [span for item in items for span in spans(item, self.resource, self._scope)]
            return self._exporter.export(made) is SpanExportResult.SUCCESS
        except Exception as problem:
            self._heard.hear(f"{type(problem).__name__}: {problem}")
            return False

    def close(self) -> None:
        """See Receiver."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _Heard(logging.Handler):
    """The last thing that the library had to say, which its results do not."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg.startswith("Transient error %s") and isinstance(record.args, tuple):
            self.hear(str(record.args[0]))
        elif not (self.last and record.msg.startswith(_AFTERWARDS)):
            self.hear(record.getMessage())

    def hear(self, text: str) -> None:
        """What it said, short, and without a header's value, which is a secret."""
        secret = "header" in text.lower()
        self.last = "a header in OTEL_EXPORTER_OTLP_HEADERS cannot be sent" if secret else text[:_SENTENCE]


def resource(service: str | None, attributes: Mapping[str, str]) -> Resource:
    """Who sends. The configuration goes before OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES."""
    given = {"service.version": installed("driftgate"), **attributes, **({"service.name": service} if service else {})}
    found = Resource.create(given)
    if str(found.attributes["service.name"]).startswith("unknown_service"):
        found = found.merge(Resource({"service.name": "driftgate"}))
    return found


def spans(item: Finished, whose: Resource, scope: InstrumentationScope) -> Iterator[ReadableSpan]:
    """The server's span, and below it the wait and the run, where there were any."""
    state = _state(item.span.parent)
    own = _place(item.span.trace_id, int(item.span.span_id, 16), item.span.flags, state)
    parent = item.span.parent
    yield ReadableSpan(
        _name(item),
        context=own,
        parent=_place(parent.trace_id, int(parent.span_id, 16), parent.flags, state, remote=True) if parent else None,
        resource=whose,
        attributes={**(_http(item) if item.asked.transport == "http" else _grpc(item)), **_own(item)},
        kind=SpanKind.SERVER,
        status=Status(StatusCode.ERROR, item.problem) if _failed(item) else Status(),
        start_time=item.at,
        end_time=item.at + item.total_ns,
        instrumentation_scope=scope,
    )
    queued = item.at + item.input_ns
    began = queued + item.queue_ns
    about: dict[str, Value] = {"driftgate.model": item.model, "driftgate.version": item.version}
    parts = [("queue", queued, item.queue_ns, about), ("inference", began, item.infer_ns, about | _run(item))]
    for name, start, took, said in parts:
        if took:
            yield ReadableSpan(
                name,
                context=_place(item.span.trace_id, random.getrandbits(64) or 1, item.span.flags, state),
                parent=own,
                resource=whose,
                attributes=said,
                start_time=start,
                end_time=start + took,
                instrumentation_scope=scope,
            )


def _place(trace_id: str, span_id: int, flags: int, state: TraceState, remote: bool = False) -> SpanContext:
    return SpanContext(int(trace_id, 16), span_id, remote, TraceFlags(flags), state)


def _state(parent: Context | None) -> TraceState:
    return TraceState.from_header([parent.state]) if parent and parent.state else TraceState()


def _name(item: Finished) -> str:
    method, route = item.asked.method, item.asked.route
    return f"{method} {route}" if route else method


def _http(item: Finished) -> dict[str, Value]:
    asked = item.asked
    found: dict[str, Value] = {"http.request.method": asked.method, "url.scheme": "http"}
    if asked.path:
        found["url.path"] = asked.path
    if asked.route:
        found["http.route"] = asked.route
    if item.status != _GONE:  # nobody was there to be answered
        found["http.response.status_code"] = item.status
    return found


def _grpc(item: Finished) -> dict[str, Value]:
    return {"rpc.system.name": "grpc", "rpc.method": item.asked.method, "rpc.response.status_code": item.code}


def _own(item: Finished) -> dict[str, Value]:
    found: dict[str, Value] = {
        "driftgate.model": item.model,
        "driftgate.role": "primary",
        "driftgate.outcome": item.outcome,
        "driftgate.request_id": item.request_id,
    }
    if item.version:
        found |= {"driftgate.version": item.version, "driftgate.route": item.route, "driftgate.revision": item.revision}
    if item.rows:
        found["driftgate.rows"] = item.rows
    if _failed(item):
        found["error.type"] = item.outcome
    return found


def _run(item: Finished) -> dict[str, Value]:
    return {"driftgate.rows": item.rows, "driftgate.batch_rows": item.batch}


def _failed(item: Finished) -> bool:
    """Whether the server is at fault, as the conventions of each transport draw the line."""
    return item.code in _GRPC_FAULTS if item.asked.transport == "grpc" else item.status >= _SERVER_FAULT
