"""A collector, and a replica whose requests are traced."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.admission import Admission
from gateway.catalogue import Catalogue
from gateway.config import Limits, TracingConfig
from gateway.front import Front
from gateway.journey import Exchange, Plane, trust_everyone
from gateway.rest import build
from gateway.tracing.starting import start_tracer
from gateway.tracing.tracer import Tracer
from tests import onnx_models
from tests.gateway.tracing.collector import Collected, collecting


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collected]:
    """A collector that nothing stands in the way of."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with collecting() as found:
        yield found


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """What the log says."""
    monkeypatch.setattr(logging.getLogger("driftgate"), "propagate", True)
    caplog.set_level(logging.INFO, "driftgate")
    return caplog


class Replica:
    """A front with scale/1 (times 2) and lookup/1, what it recorded, and the tracer, None without tracing."""

    def __init__(self, folder: Path, tracer: Tracer | None) -> None:
        catalogue = Catalogue()
        catalogue.put(onnx_models.version(folder, "scale", 1, onnx_models.scale()))
        self.recorded: list[Exchange] = []
        limits = Limits(max_body=4096)
        self.tracer = tracer
        self.plane = Plane(
            catalogue, Admission(limits.max_in_flight), limits, trust_everyone, self.recorded.append, tracer
        )
        self.front = Front(self.plane, build(catalogue, None, limits))  # type: ignore[arg-type]


@pytest.fixture
def replica(tmp_path: Path, collector: Collected) -> Iterator[Callable[..., Replica]]:
    """Makes a replica; `settings` are keys of its configuration under `tracing`."""
    made: list[Replica] = []

    def make(**settings: object) -> Replica:
        wanted = TracingConfig.model_validate({"otlp": collector.url, "sample": 1, **settings})
        made.append(Replica(tmp_path, start_tracer(wanted, "replica-1")))
        return made[-1]

    yield make
    for one in made:
        if one.tracer:
            one.tracer.close(5)
