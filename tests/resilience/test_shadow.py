"""A real gateway with a shadow: each primary has its shadow in the store, labels join both, and no death of it is felt."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from gateway.shadow.checkpoint import checkpoints
from gateway.store.export import export
from tests.running import Running, command_line, launch, wait_for

FLIGHTS = 1_000
SETTINGS: dict[str, Any] = {"models": {"flights": {"traffic": {1: 1}, "shadow": [2]}}, "store": {"flush": "2s"}}


def replay(running: Running, limit: int) -> None:
    """As many flights, as fast as the gateway answers, and their labels."""
    command = [sys.executable, "-m", "gateway.cli", "replay", "flights"]
    command += ["--config", str(running.config), "--limit", str(limit), "--speed", "max"]
    subprocess.run(command, check=True, timeout=100, capture_output=True)


def shadowed(data: Path) -> int:
    """How many primaries are accounted for."""
    return sum(sum(kept.outcomes.values()) for kept in checkpoints(data).values())


def stored(data: Path) -> list[dict[str, Any]]:
    """All rows of the store, with every label that was accepted."""
    export(data, "flights", data / "all.parquet", roles=("primary", "shadow"))
    columns = ["request_id", "time", "version", "role", "label", "distance", "trace_id"]
    rows: list[dict[str, Any]] = pq.read_table(data / "all.parquet", columns=columns).to_pylist()
    return rows


def workers(running: Running) -> list[psutil.Process]:
    """The shadow's process, and the actor that keeps it running."""
    family = psutil.Process(running.process.pid).children(recursive=True)
    return [
        one for one in family if any(word in command_line(one) for word in ("gateway.shadow.process", "ray::Shadows"))
    ]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kills", [0, 8])
def test_every_flight_has_a_primary_and_a_shadow_and_labels_join_both(tmp_path: Path, kills: int) -> None:
    """Whether or not the shadow's process, and its actor, are killed meanwhile."""
    data = tmp_path / "var"
    with launch(tmp_path, **SETTINGS) as running:
        for _ in range(max(1, kills)):
            replay(running, FLIGHTS // max(1, kills))
            for process in workers(running) if kills else ():
                process.kill()
            if kills:
                wait_for(lambda: len(workers(running)) == 2, 60, "the shadow to be started again")
        total = FLIGHTS // max(1, kills) * max(1, kills)
        wait_for(lambda: shadowed(data) == total, 90, "the shadow to catch up")
        with running.client() as client:
            metrics = client.get("/metrics").text
    rows = stored(data)
    assert Counter((row["role"], row["version"]) for row in rows) == {("primary", 1): total, ("shadow", 2): total}
    primaries = {row["request_id"]: row for row in rows if row["role"] == "primary"}
    shadows = {row["request_id"]: row for row in rows if row["role"] == "shadow"}
    assert len(primaries) == len(shadows) == total
    for name, shadow in shadows.items():
        assert {key: shadow[key] for key in ("time", "label", "distance", "trace_id")} == {
            key: primaries[name][key] for key in ("time", "label", "distance", "trace_id")
        }
    assert sum(row["label"] is not None for row in rows) >= 2 * total * 0.9
    assert 'driftgate_requests_total{model="flights",outcome="ok",role="primary",version="1"}' in metrics
    assert list((data / "journal").iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_shadow_that_is_behind_when_the_gateway_stops_goes_on_after_the_next_start(tmp_path: Path) -> None:
    """The journals keep what it is owed."""
    data = tmp_path / "var"
    with launch(tmp_path, **SETTINGS) as running:
        for process in workers(running):
            process.suspend()
        replay(running, 200)
        time.sleep(3)  # the observer has committed by now, and would have deleted the journal without
        for process in workers(running):
            process.kill()
    with launch(tmp_path, **SETTINGS):
        wait_for(lambda: shadowed(data) == 200, 60, "the shadow to catch up")
    counts = Counter(row["role"] for row in stored(data))
    assert counts == {"primary": 200, "shadow": 200}
