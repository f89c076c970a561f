"""An OpenTelemetry collector: it takes OTLP over HTTP, reads the protobuf, and remembers what it was sent."""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.running import wait_for


@dataclass(frozen=True)
class Sent:
    """A span as it arrived: its ids in hex, its attributes, and those of the resource that sent it."""

    name: str
    trace: str
    id: str
    parent: str
    state: str
    kind: int
    start: int
    end: int
    status: int
    problem: str
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass
class Collected:
    """A collector that runs. status: what it answers; gate: it answers while this is set."""

    url: str
    spans: list[Sent] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    status: int = 200
    gate: threading.Event = field(default_factory=threading.Event)

    def named(self, name: str) -> list[Sent]:
        """The spans of that name."""
        return [span for span in self.spans if span.name == name]

    def wait(self, count: int, seconds: float = 20) -> list[Sent]:
        """The spans, as soon as there are so many."""
        wait_for(lambda: len(self.spans) >= count, seconds, f"{count} spans, {len(self.spans)} came")
        return self.spans


@contextlib.contextmanager
def collecting(port: int = 0) -> Iterator[Collected]:
    """A collector on a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def do_POST(self) -> None:
            """Takes spans."""
            body = self.rfile.read(int(self.headers["content-length"]))
            found.gate.wait(60)
            found.paths.append(self.path)
            found.headers.append({name.lower(): value for name, value in self.headers.items()})
            if found.status == 200:
                packed = self.headers.get("content-encoding") == "gzip"
                found.spans += read(gzip.decompress(body) if packed else body)
            self.send_response(found.status)
            said = ExportTraceServiceResponse().SerializeToString()
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    found = Collected(f"http://127.0.0.1:{server.server_port}")
    found.gate.set()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield found
    finally:
        found.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()


def read(body: bytes) -> list[Sent]:
    """The spans in a request's body."""
    request = ExportTraceServiceRequest.FromString(body)
    return [
        Sent(
            span.name,
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.trace_state,
            span.kind,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            span.status.code,
            span.status.message,
            _attributes(span.attributes),
            _attributes(whose.resource.attributes),
        )
        for whose in request.resource_spans
        for scope in whose.scope_spans
        for span in scope.spans
    ]


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
