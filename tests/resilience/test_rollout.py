"""Rollouts against a real gateway: one that goes to its end, one that must not, and a controller that is killed."""

from __future__ import annotations

import math
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import psutil
import pyarrow.parquet as pq
import pytest
import yaml

from tests.onnx_models import lookup, save
from tests.resilience.load import connected
from tests.running import Running, command_line, launch, wait_for

GATES = [{"metric": "error_rate", "worse_by": 0.02}]
ROLLOUT = {"stable": 1, "candidate": 2, "steps": [10, 50], "bake": "2s", "min_samples": 100, "gates": GATES}


class Answers:
    """Every answer's version and status while the block runs, and what failed. index: draws the row that is asked for."""

    def __init__(self, running: Running, index: Callable[[], int]) -> None:
        self.given: list[tuple[str, int]] = []
        self.failures: list[str] = []
        self._index = index
        self._load = connected(running.url, self._ask, 6)

    def __enter__(self) -> Answers:
        self._load.__enter__()
        return self

    def __exit__(self, *failure: Any) -> None:
        self._load.__exit__(*failure)

    async def _ask(self, client: httpx.AsyncClient, stop: threading.Event) -> None:
        while not stop.is_set():
            tensor = {"name": "x", "datatype": "INT64", "shape": [1], "data": [self._index()]}
            try:
                answer = await client.post("/v2/models/table/infer", json={"inputs": [tensor]})
            except httpx.HTTPError as problem:
                self.failures.append(repr(problem))
                continue
            if answer.status_code in (200, 422):
                self.given.append((answer.headers.get("x-model-version", "?"), answer.status_code))
            else:
                self.failures.append(f"{answer.status_code} {answer.text[:100]}")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """Two replicas; a model with two versions, the first of which gets everything."""
    for version in (1, 2):
        save(tmp_path / "models", "table", version, lookup())
    models = {"table": {"traffic": {1: 1}}}
    with launch(tmp_path, repository=str(tmp_path / "models"), replicas=2, models=models) as gateway:
        yield gateway


def edited(running: Running, table: dict[str, Any]) -> Path:
    """The gateway's configuration with another word on the model."""
    content = yaml.safe_load(running.config.read_text())
    path = running.config.with_name("next.yaml")
    path.write_text(yaml.safe_dump({**content, "models": {"table": table}}))
    return path


def driftgate(*words: str) -> str:
    """What the command says."""
    found = subprocess.run([sys.executable, "-m", "gateway.cli", *words], check=False, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return found.stdout


def rollout(running: Running) -> dict[str, Any]:
    """How it stands."""
    with running.client() as client:
        (found,) = client.get("/gateway/rollouts").raise_for_status().json()["rollouts"]
    standing: dict[str, Any] = found
    return standing


def recorded(running: Running) -> Counter[tuple[int, int]]:
    """Answers in the store by revision and version."""
    with running.client() as client:
        client.post("/gateway/flush", timeout=60).raise_for_status()
    counts: Counter[tuple[int, int]] = Counter()
    for path in (running.config.parent / "var" / "store" / "answers" / "table").glob("*/*.parquet"):
        table = pq.read_table(path, columns=["revision", "version", "role"]).to_pylist()
        counts.update((row["revision"], row["version"]) for row in table if row["role"] == "primary")
    return counts


@pytest.mark.slow
def test_a_rollout_goes_to_its_end_under_load(running: Running) -> None:
    """Each answer's version is that of the table in force, no step is shorter than its bake time, and no request fails."""
    with Answers(running, lambda: random.randrange(4)) as answers:
        wait_for(lambda: len(answers.given) > 200, 20, "load")
        began = time.monotonic()
        driftgate("apply", str(edited(running, {"rollout": ROLLOUT})))
        wait_for(lambda: rollout(running)["phase"] == "succeeded", 60, "the rollout to succeed")
        took = time.monotonic() - began
        wait_for(lambda: all(version == "2" for version, _ in answers.given[-50:]), 5, "all traffic on version 2")
    assert not answers.failures
    assert {status for _, status in answers.given} == {200}
    events = history(running)
    assert [event["what"] for event in events] == ["apply", "begin", "start", "advance", "succeed"]
    steps = [datetime.fromisoformat(event["time"]).timestamp() for event in events[2:]]
    assert all(later - sooner >= 2.0 for sooner, later in pairwise(steps)), steps
    by_revision: dict[int, Counter[int]] = {}
    for (revision, version), count in sorted(recorded(running).items()):
        by_revision.setdefault(revision, Counter())[version] += count
    *before, first, second, last = by_revision.values()
    for counts, share in (*((counts, 0.0) for counts in before), (first, 0.1), (second, 0.5), (last, 1.0)):
        n = counts.total()
        assert abs(counts[2] - n * share) <= 5 * math.sqrt(n * share * (1 - share)), by_revision
    print(f"0 to 100 % in {took:.1f} s over {len(answers.given)} answers; shares by revision: {by_revision}")


@pytest.mark.slow
def test_all_replicas_have_new_weights_within_a_second(running: Running) -> None:
    """From the answer of `apply` to the last answer of the old table."""
    with Answers(running, lambda: 1) as answers:
        wait_for(lambda: len(answers.given) > 200, 20, "load")
        for version in (2, 1, 2):
            driftgate("apply", str(edited(running, {"traffic": {version: 1}})))
            time.sleep(1.0)
            after = len(answers.given)
            wait_for(lambda after=after: len(answers.given) > after + 200, 20, "load")
            assert {seen for seen, _ in answers.given[after + 10 :]} == {str(version)}
    assert not answers.failures


@pytest.mark.slow
def test_a_candidate_that_fails_on_some_requests_is_rolled_back(tmp_path: Path) -> None:
    """One in twenty fails on it; stable answers them. It ends at weight 0, and stays there."""
    save(tmp_path / "models", "table", 1, lookup(20))
    save(tmp_path / "models", "table", 2, lookup(19))
    models = {"table": {"rollout": {**ROLLOUT, "steps": [20, 50], "bake": "60s"}}}
    with launch(tmp_path, repository=str(tmp_path / "models"), models=models) as running:
        with Answers(running, lambda: random.randrange(20)) as answers:
            wait_for(lambda: rollout(running)["phase"] == "rolled_back", 90, "the rollout to fail")
            took = sum(version in ("2", "?") for version, _ in answers.given)
            wait_for(lambda: all(seen == ("1", 200) for seen in answers.given[-50:]), 5, "all traffic on version 1")
        standing = rollout(running)
        assert standing["weights"] == {"1": 100.0, "2": 0.0}
        assert "error_rate" in standing["reason"]
        driftgate("apply", str(running.config))
        assert rollout(running)["phase"] == "rolled_back"
    print(f"rolled back after {took} answers of the candidate, or refusals: {standing['reason']}")


@pytest.mark.slow
def test_a_controller_that_is_killed_goes_on_where_it_was(running: Running) -> None:
    """SIGKILL again and again while the rollout goes on: it succeeds, with each step once, and no request notices."""
    with Answers(running, lambda: random.randrange(4)) as answers:
        wait_for(lambda: len(answers.given) > 100, 20, "load")
        driftgate("apply", str(edited(running, {"rollout": ROLLOUT})))
        for _ in range(4):
            time.sleep(random.uniform(0.5, 2.0))
            for process in psutil.Process(running.process.pid).children(recursive=True):
                if "ray::Control" in command_line(process):
                    process.send_signal(signal.SIGKILL)
        wait_for(lambda: succeeded(running), 90, "the rollout to succeed")
    assert not answers.failures
    steps = [event["what"] for event in history(running) if event["what"] in ("start", "advance", "succeed")]
    assert steps == ["start", "advance", "succeed"]


def history(running: Running) -> list[dict[str, Any]]:
    """What changed."""
    with running.client() as client:
        found: list[dict[str, Any]] = client.get("/gateway/history").raise_for_status().json()["events"]
    return found


def succeeded(running: Running) -> bool:
    """As the ledger has it; the controller may be dead just now."""
    path = running.config.parent / "var" / "state" / "rollouts.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        return any("succeed" in row for row in database.execute("SELECT what FROM events"))
