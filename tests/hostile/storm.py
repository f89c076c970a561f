"""Fires hostile requests at a gateway over several kept-alive connections, and notes every answer that is out of order."""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from tests.hostile.shots import Shot, Target, shots
from tests.running import Running

CONNECTIONS = 6
ALLOWED = {503, 504}
SLOW_S = 5.0


@dataclass
class Tally:
    """What came back. `wrong` holds what must not happen, with the request that made it happen."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    @property
    def fired(self) -> int:
        """How many requests were answered."""
        return sum(self.statuses.values())

    def note(self, shot: Shot, status: int, content_type: str | None, body: bytes, took_s: float) -> None:
        """Holds one answer to the rules."""
        self.statuses[status] += 1
        self.slowest_s = max(self.slowest_s, took_s)
        fault = "" if shot.method == "HEAD" else _fault(status, content_type, body)
        if took_s > SLOW_S:
            fault = f"took {took_s:.1f} s"
        if fault:
            self.wrong.append(f"{fault}: {shot.method} {shot.path} {shot.headers} {shot.body[:2000]!r}")


def storm(running: Running, count: int) -> Tally:
    """Fires `count` requests at every model that the gateway serves."""
    tally = Tally()
    waiting: queue.Queue[Shot | None] = queue.Queue(4 * CONNECTIONS)
    threads = [threading.Thread(target=_gun, args=(running, waiting, tally)) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(shots(targets(running)))
    def fire(shot: Shot) -> None:
        waiting.put(shot)

    try:
        fire()
    finally:
        for _ in threads:
            waiting.put(None)
        for thread in threads:
            thread.join(60)
    return tally


def targets(running: Running) -> list[Target]:
    """Every model, as its metadata describes it."""
    with running.client() as client:
        names = {entry["name"] for entry in client.post("/v2/repository/index").json()}
        return [_target(client.get(f"/v2/models/{name}").json()) for name in sorted(names)]


def _target(described: dict[str, Any]) -> Target:
    inputs = tuple((each["name"], each["datatype"], tuple(each["shape"])) for each in described["inputs"])
    return Target(described["name"], inputs, tuple(each["name"] for each in described["outputs"]))


def _gun(running: Running, waiting: queue.Queue[Shot | None], tally: Tally) -> None:
    connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=2 * SLOW_S)
    while (shot := waiting.get()) is not None:
        began = time.monotonic()
        try:
            status, content_type, body = _retried(lambda shot=shot: _ask(connection, shot))  # type: ignore[misc]
        except (OSError, http.client.HTTPException) as problem:
            connection.close()
            tally.wrong.append(f"{problem!r}: {shot.method} {shot.path} {shot.headers} {shot.body[:2000]!r}")
            continue
        tally.note(shot, status, content_type, body, time.monotonic() - began)
    connection.close()


def _retried(ask: Callable[[], tuple[int, str | None, bytes]]) -> tuple[int, str | None, bytes]:
    """A kept-alive connection may have been closed since; a new one may not."""
    try:
        return ask()
    except (http.client.RemoteDisconnected, ConnectionError):
        return ask()


def _ask(connection: http.client.HTTPConnection, shot: Shot) -> tuple[int, str | None, bytes]:
    try:
        connection.putrequest(shot.method, shot.path, skip_accept_encoding=True)
        for name, value in shot.headers.items():
            connection.putheader(name, value.encode("latin-1"))
        connection.putheader("content-length", str(len(shot.body)))
        connection.endheaders(shot.body)
        response = connection.getresponse()
        return response.status, response.headers.get("content-type"), response.read()
    except BaseException:
        connection.close()
        raise


def _fault(status: int, content_type: str | None, body: bytes) -> str:
    """What is wrong with an answer; nothing if it is a proper answer or a proper refusal."""
    if status >= 500 and status not in ALLOWED:
        return f"status {status} {body[:300]!r}"
    if status < 400:
        return ""
    if content_type != "application/json":
        return f"{status} as {content_type}"
    answer = json.loads(body)
    if set(answer) != {"error"} or not 0 < len(answer["error"]) < 1200:
        return f"{status} says {body[:300]!r}"
    return ""
