"""Every answer that a client received is in the store exactly once, and every accepted label with it, whoever is killed."""

from __future__ import annotations

import itertools
import json
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import psutil
import pyarrow.parquet as pq
import pytest

from tests.resilience.load import connected
from tests.running import Running, command_line, launch, wait_for

KILLS = 20
BODY = json.loads((Path(__file__).parents[2] / "docs" / "examples" / "flight.json").read_text())


class Told:
    """All that clients were told: the version that answered each id, the label that was accepted for it, and refusals."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.labels: dict[str, int] = {}
        self.refused: Counter[str] = Counter()
        self._names = itertools.count()

    async def ask(self, client: httpx.AsyncClient, stop: threading.Event) -> None:
        """Asks again and again, and sends a label for each answer."""
        while not stop.is_set():
            number = next(self._names)
            name, label = f"flight-{number}", number % 2
            answer = await self._post(client, "/v2/models/flights/infer", {"id": name, **BODY})
            if answer is None:
                continue
            self.answers[name] = answer.headers["x-model-version"]
            if await self._post(client, "/v2/models/flights/labels", {"labels": [{"id": name, "label": label}]}):
                self.labels[name] = label

    async def _post(self, client: httpx.AsyncClient, path: str, body: Any) -> httpx.Response | None:
        try:
            answer = await client.post(path, json=body)
        except httpx.HTTPError as problem:  # the connection was closed: nobody knows whether it was answered
            self.refused[type(problem).__name__] += 1
            return None
        if answer.status_code != 200:
            self.refused[f"{answer.status_code} {answer.text[:100]}"] += 1
            return None
        return answer


def observers(running: Running) -> list[psutil.Process]:
    """The observer's process, if it lives."""
    family = psutil.Process(running.process.pid).children(recursive=True)
    return [process for process in family if "ray::Observer" in command_line(process)]


def kill(running: Running, whom: str) -> None:
    """SIGKILL."""
    victims = observers(running) if whom != "replica" else []
    if whom != "observer":
        wait_for(lambda: len(running.replicas()) == 2, 30, "both replicas")
        victims.append(random.choice(running.replicas()))
    for process in victims:
        process.send_signal(signal.SIGKILL)


def stored(data: Path) -> list[dict[str, Any]]:
    """All rows of the store, from its files as they lie there."""
    columns = ["request_id", "version", "label", "status"]
    return [
        row
        for path in data.glob("store/answers/flights/*/*.parquet")
        for row in pq.read_table(path, columns=columns).to_pylist()
    ]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_every_answer_is_stored_once_and_no_accepted_label_is_lost(tmp_path: Path) -> None:
    """Twenty SIGKILLs of a replica, of the observer, or of both, under load, at random moments."""
    traffic = {"models": {"flights": {"traffic": {1: 50, 2: 50}}}, "store": {"flush": "2s"}}
    with launch(tmp_path, replicas=2, **traffic) as running:
        told = Told()
        with connected(running.url, told.ask, 6):
            for turn in range(KILLS):
                time.sleep(random.uniform(0.5, 2.5))
                kill(running, ("replica", "observer", "both")[turn % 3])
            time.sleep(1)
        wait_for(lambda: observers(running), 30, "the observer to be started again")
        wait_for(lambda: flushed(running), 60, "the observer to catch up")
        rows = stored(tmp_path / "var")
    counts = Counter(row["request_id"] for row in rows)
    versions = {row["request_id"]: str(row["version"]) for row in rows}
    labels = {row["request_id"]: row["label"] for row in rows}
    assert len(told.answers) > 1_000
    assert len(told.labels) > 1_000
    assert {name: counts[name] for name in told.answers if counts[name] != 1} == {}
    assert {name for name, version in told.answers.items() if versions[name] != version} == set()
    assert {name for name, label in told.labels.items() if labels[name] != label} == set()
    print(f"{len(told.answers)} answers, {len(told.labels)} labels, {len(rows)} rows; refused: {dict(told.refused)}")


def flushed(running: Running) -> bool:
    """Whether all that was answered is in the store."""
    with running.client() as client:
        return client.post("/gateway/flush", timeout=60).status_code == 200
