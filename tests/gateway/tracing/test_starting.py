"""Tracing as it is configured, with collectors that are there and collectors that are not."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from gateway.config import TracingConfig
from gateway.ports import free_port
from gateway.tracing.starting import start_tracer
from tests.gateway.tracing.collector import Collected, collecting
from tests.gateway.tracing.conftest import Replica
from tests.gateway.tracing.test_spans import Make, arrived, post


def test_without_tracing_opentelemetry_is_not_imported() -> None:
    """Not by whatever a replica's requests pass through; Ray Serve imports some of it for itself."""
    code = (
        "import sys, gateway.front, gateway.grpc.service, gateway.recorder, gateway.tracing.starting as starting\n"
        "assert starting.start_tracer(None, 'replica-1') is None\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n", run.stderr


async def test_the_environment_gives_the_headers(
    replica: Make, collector: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whatever else OpenTelemetry reads there."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=s3cret,tenant=a%20b")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    one = replica(otlp=f"{collector.url}/")
    await post(one)
    await arrived(one, collector)
    assert collector.spans
    assert set(collector.paths) == {"/v1/traces"}
    assert [(sent["api-key"], sent["tenant"], sent["content-encoding"]) for sent in collector.headers] == [
        ("s3cret", "a b", "gzip")
    ]


@pytest.mark.parametrize(
    ("service", "variables", "name"),
    [
        (None, {}, "driftgate"),
        (None, {"OTEL_SERVICE_NAME": "scores"}, "scores"),
        (None, {"OTEL_RESOURCE_ATTRIBUTES": "service.name=scores"}, "scores"),
        ("flights", {"OTEL_SERVICE_NAME": "scores"}, "flights"),
    ],
)
async def test_the_resource_says_who_sends(
    replica: Make,
    collector: Collected,
    monkeypatch: pytest.MonkeyPatch,
    service: str | None,
    variables: dict[str, str],
    name: str,
) -> None:
    """The configuration goes before the environment, and that before the default."""
    for variable in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    one = replica(service=service, resource={"deployment.environment.name": "test"})
    await post(one)
    await arrived(one, collector)
    resource = collector.spans[0].resource
    assert resource["service.name"] == name
    assert resource["service.version"] == version("driftgate")
    assert resource["service.instance.id"] == "replica-1"
    assert resource["deployment.environment.name"] == "test"


async def test_nobody_waits_for_a_collector_that_is_down(
    tmp_path: Path, collector: Collected, lines: pytest.LogCaptureFixture
) -> None:
    """Requests are answered, spans are dropped and counted, the log says why, and closing is bounded."""
    port = free_port()
    tracer = start_tracer(TracingConfig(otlp=f"http://127.0.0.1:{port}", sample=1), "replica-1")
    assert tracer
    one = Replica(tmp_path, tracer)
    replies = [await post(one) for _ in range(100)]
    assert {reply.status_code for reply in replies} == {200}
    began = time.monotonic()
    await asyncio.to_thread(tracer.close, 0.2)
    assert time.monotonic() - began < 5
    assert "traces of" in lines.messages[-1]
    assert "100 so far: " in lines.messages[-1]
    assert f"http://127.0.0.1:{port}/v1/traces: " in lines.messages[-1]
    assert "refused" in lines.messages[-1]


async def test_a_collector_that_hangs_delays_nobody(replica: Make, collector: Collected) -> None:
    """Neither requests nor, for longer than it may, the end."""
    collector.gate.clear()
    one = replica()
    for _ in range(70):  # more than a batch
        assert (await post(one)).status_code == 200
    assert one.tracer
    began = time.monotonic()
    await asyncio.to_thread(one.tracer.close, 0.2)
    assert time.monotonic() - began < 5


async def test_a_collector_that_comes_back_is_used_again(tmp_path: Path, collector: Collected) -> None:
    """What waited meanwhile arrives."""
    port = free_port()
    tracer = start_tracer(TracingConfig(otlp=f"http://127.0.0.1:{port}", sample=1), "replica-1")
    assert tracer
    one = Replica(tmp_path, tracer)
    await post(one)
    with collecting(port) as back:
        await post(one)
        await asyncio.to_thread(back.wait, 4)
        await asyncio.to_thread(tracer.close, 5)
        assert {span.name for span in back.spans} == {"POST /v2/models/{model}/infer", "inference"}


async def test_a_refusal_of_the_collector_is_told(
    replica: Make, collector: Collected, lines: pytest.LogCaptureFixture
) -> None:
    """With the reason that it gave."""
    collector.status = 401
    one = replica()
    await post(one)
    await arrived(one, collector)
    assert lines.messages == [
        f"traces of 1 requests were dropped, 1 so far: {collector.url}/v1/traces: "
        "Failed to export spans batch code: 401, reason: Unauthorized"
    ]


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("COMPRESSION", "origami", "Unsupported compression type: origami"),
        ("TIMEOUT", "soon", "Invalid timeout value 'soon'"),
        ("HEADERS", "s3cret", "a header in OTEL_EXPORTER_OTLP_HEADERS cannot be sent"),
    ],
)
def test_an_environment_that_makes_no_sense_is_told(
    replica: Make,
    lines: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    sentence: str,
) -> None:
    """Without the value of a header; the rest of tracing works."""
    monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{variable}", value)
    assert replica().tracer
    assert sentence in lines.messages[-1]
    assert not [line for line in lines.messages if "s3cret" in line]


async def test_a_header_that_cannot_be_sent_is_told(
    replica: Make, collector: Collected, lines: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But not what is in it."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=s3cret%0Ax")
    one = replica()
    await post(one)
    await arrived(one, collector)
    assert "a header in OTEL_EXPORTER_OTLP_HEADERS cannot be sent" in lines.messages[-1]
    assert "s3cret" not in lines.text


def test_what_stands_in_the_way_of_tracing_stops_nothing_else(
    lines: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged, and nothing is traced."""
    monkeypatch.setenv("OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER", "nobody")
    assert start_tracer(TracingConfig(otlp="http://127.0.0.1:4318"), "replica-1") is None
    assert lines.messages[-1].startswith("nothing is traced: ")


def test_two_processes_draw_different_ids() -> None:
    """Even if something seeds the generator that all modules share."""
    spans = []
    for _ in range(2):
        random.seed(0)
        tracer = start_tracer(TracingConfig(otlp="http://127.0.0.1:4318", sample=1), "replica-1")
        assert tracer
        spans.append(tracer.enter({}))
        tracer.close(1)
    assert spans[0] != spans[1]
