"""Stopping does not hang up on anybody."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.onnx_models import save, slow
from tests.running import launch, wait_for

SLOW = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [0.0]}]}


def test_requests_under_way_are_answered_when_the_gateway_stops(tmp_path: Path) -> None:
    """SIGTERM while a request runs and another waits: both get their answers, then the gateway is gone."""
    save(tmp_path / "models", "sluggish", 1, slow(2_000_000))
    with launch(tmp_path, repository=str(tmp_path / "models")) as running, running.client() as client:
        with ThreadPoolExecutor(2) as pool:
            answers = [pool.submit(client.post, "/v2/models/sluggish/infer", json=SLOW) for _ in range(2)]
            wait_for(lambda: running.status()["replicas"][0]["in_flight"] == 2, 10, "both to be under way")
            running.process.send_signal(signal.SIGTERM)
            assert [answer.result().status_code for answer in answers] == [200, 200]
        assert running.process.wait(60) == 0
