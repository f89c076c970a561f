"""What Prometheus itself makes of the exposition: Debian's, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from gateway import metrics
from gateway.exposition import expose
from gateway.metrics import Distribution, Exemplar, Sample
from gateway.observer.histogram import BUCKETS
from gateway.ports import free_port
from tests.running import stop, wait_for

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SUBJECT = ("flights", "2", "primary")

pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed")


@pytest.fixture
def target() -> Iterator[str]:
    """Serves a histogram of two requests, the slower of them traced; in the format that is asked for."""
    counts = [0] * (len(BUCKETS) + 1)
    slow = BUCKETS.index(0.25)
    counts[4] = counts[slow] = 1
    exemplars = {slow: Exemplar(TRACE, 0.2, round(time.time(), 3))}
    samples = [Sample(metrics.REQUEST_DURATION, SUBJECT, Distribution(BUCKETS, counts, 0.202, exemplars))]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = expose(samples, self.headers.get("accept", ""))
            self.send_response(200)
            self.send_header("content-type", found.content_type)
            self.send_header("content-length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def prometheus(target: str, tmp_path: Path) -> Iterator[str]:
    """Scrapes it twice a second."""
    scrape = {"job_name": "driftgate", "scrape_interval": "500ms", "static_configs": [{"targets": [target]}]}
    config, address = tmp_path / "prometheus.yml", f"127.0.0.1:{free_port()}"
    config.write_text(yaml.safe_dump({"scrape_configs": [scrape]}))
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"]
    command += [f"--web.listen-address={address}", "--enable-feature=exemplar-storage"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield f"http://{address}/api/v1"
    finally:
        stop(process)


def test_exemplars_lead_from_a_bucket_to_a_trace(prometheus: str) -> None:
    """Stored with the series of their bucket, and found by it."""
    query = "driftgate_request_duration_seconds_bucket"
    found: list[Any] = []

    def stored() -> bool:
        try:
            answer = httpx.get(
                f"{prometheus}/query_exemplars", params={"query": query, "start": "0", "end": str(time.time() + 60)}
            )
        except httpx.TransportError:
            return False
        found[:] = answer.json().get("data", [])
        return bool(found)

    wait_for(stored, 60, "an exemplar")
    (series,) = found
    labels, (exemplar,) = series["seriesLabels"], series["exemplars"]
    assert (labels["model"], labels["le"]) == ("flights", "0.25")
    assert exemplar["labels"] == {"trace_id": TRACE}
    assert float(exemplar["value"]) == 0.2
    counted = httpx.get(f"{prometheus}/query", params={"query": f'{query}{{le="+Inf"}}'}).json()["data"]["result"]
    assert [series["value"][1] for series in counted] == ["2"]
