"""The two loops and the connection under them, against servers that misbehave in a known way."""

from __future__ import annotations

import asyncio
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count

import pytest

from loadtests.connection import Connection
from loadtests.engine import drive, measure
from loadtests.errors import LoadError
from loadtests.open import intended
from loadtests.plan import Plan
from loadtests.process import free_ports
from loadtests.target import Target

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nfull"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
WIRE = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"

Answer = tuple[bytes, float, bool]
"""What to send, after how many seconds, and whether to close the connection then."""


@contextmanager
def server(answer: Callable[[int], Answer]) -> Iterator[Target]:
    """A server whose n-th request (from 0) gets `answer(n)`; one at a time, so that a stall holds up all."""
    turn, stop, numbers = threading.Lock(), threading.Event(), count()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(ConnectionError):
                while self._request():
                    with turn:
                        content, wait_s, close = answer(next(numbers))
                        stop.wait(wait_s)
                    self.wfile.write(content)
                    if close:
                        return

        def _request(self) -> bool:
            """Whether one more request came before the client closed. It has no body."""
            lines = iter(self.rfile.readline, b"")
            return not stop.is_set() and any(line == b"\r\n" for line in lines)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Target("127.0.0.1", listener.server_address[1])
        finally:
            stop.set()
            listener.shutdown()
            thread.join()


def load(target: Target, **changes: object) -> Plan:
    """A short plan."""
    settings: dict[str, object] = {"connections": 1, "duration_s": 0.3, "warm_up_s": 0.0, "drain_s": 5.0, **changes}
    return Plan(target=target, wires=(WIRE,), rows=(3,), **settings)  # type: ignore[arg-type]


def test_open_loop_counts_from_the_intended_time() -> None:
    """One stall of 0.5 s shows in every request that was due during it, not only in the one that met it."""
    with server(lambda n: (OK, 0.5 if n == 20 else 0.0, False)) as target:
        found = drive(load(target, rate=200.0, duration_s=1.0))
    assert found.answered == 200
    assert found.latency.p90 >= 390  # 20 of 200 were due in the first 0.1 s of the stall
    assert found.latency.max >= 495


def test_open_loop_sends_what_was_due_even_when_the_server_is_too_slow() -> None:
    """Requests that had to wait for a connection are sent later, and none is left out."""
    with server(lambda n: (OK, 0.01, False)) as target:
        found = drive(load(target, rate=200.0))
    assert (found.answered, found.unanswered) == (60, 0)
    assert found.seconds > 0.55
    assert found.latency.max >= 250


def test_unanswered_requests_enter_the_latencies_with_their_age() -> None:
    """A server that falls silent cannot look fast."""
    with server(lambda n: (OK, 30.0 if n == 5 else 0.0, False)) as target:
        found = drive(load(target, rate=100.0, drain_s=0.2))
    assert (found.answered, found.unanswered) == (5, 25)
    assert found.latency.max >= 400


def test_warm_up_is_not_counted() -> None:
    """Requests that were due during the warm-up appear in no number."""
    with server(lambda n: (OK, 0.0, False)) as target:
        found = drive(load(target, rate=100.0, warm_up_s=0.2, duration_s=0.1))
    assert found.answered == 10


@pytest.mark.parametrize("rate", [None, 100.0])
def test_only_200_counts_as_an_answer(rate: float | None) -> None:
    """Refusals are counted by status and left out of throughput, rows and latencies."""
    with server(lambda n: (OK if n % 2 else FULL, 0.0, False)) as target:
        found = drive(load(target, rate=rate))
    assert set(found.statuses) == {200, 503}
    assert found.answered == found.statuses[200]
    assert found.rows == 3 * found.answered
    assert not found.errors


@pytest.mark.parametrize("rate", [None, 100.0])
def test_closed_connections_are_opened_again(rate: float | None) -> None:
    """A server that closes the connection after each answer makes no errors."""
    with server(lambda n: (OK, 0.0, True)) as target:
        found = drive(load(target, rate=rate, connections=2))
    assert found.answered > 2
    assert set(found.errors) <= {"connection closed before the answer"}  # sent into a connection that was closing


def test_connections_cut_without_an_answer_are_errors() -> None:
    """What was under way on a connection that broke is an error, not a latency."""
    with server(lambda n: (b"", 0.0, True)) as target:
        found = drive(load(target))
    assert found.answered == 0
    assert found.errors["connection closed before the answer"] > 0
    assert found.latency.max == 0


def test_chunked_answers_are_errors() -> None:
    """An answer whose end is not announced is refused, never guessed."""
    with server(lambda n: (CHUNKED, 0.0, False)) as target:
        found = drive(load(target))
    assert found.answered == 0
    assert found.errors["answer without Content-Length"] > 0


def test_a_closed_loop_that_gets_no_answer_ends() -> None:
    """Requests still under way when the wait ends are counted as unanswered."""
    with server(lambda n: (OK, 30.0, False)) as target:
        found = drive(load(target, connections=4, drain_s=0.1))
    assert (found.answered, found.unanswered) == (0, 4)


def test_load_runs_in_a_process_of_its_own() -> None:
    """What the other process finds, and why it could not begin, come back to this one."""
    with server(lambda n: (OK, 0.0, False)) as target:
        assert measure(load(target)).answered > 0
    with pytest.raises(LoadError, match=r"127\.0\.0\.1"):
        measure(load(Target("127.0.0.1", free_ports(1)[0])))


@pytest.mark.parametrize("poisson", [False, True])
def test_intended_times_have_the_rate(poisson: bool) -> None:
    """Rate times span is how many requests are due, in order, within the span."""
    times = intended(load(Target("127.0.0.1", 1), rate=250.0, warm_up_s=1.0, duration_s=3.0, poisson=poisson))
    assert len(times) == 1000
    assert list(times) == sorted(times)
    assert 0 <= times[0] <= times[-1] <= 4


class _Seen:
    def __init__(self) -> None:
        self.answers: list[tuple[int, int]] = []
        self.losses: list[str] = []

    def answered(self, connection: Connection, status: int, size: int) -> None:
        self.answers.append((status, size))

    def lost(self, connection: Connection, why: str) -> None:
        self.losses.append(why)


class _Wire(asyncio.Transport):
    def write(self, data: object) -> None:
        pass

    def abort(self) -> None:
        pass


@pytest.mark.parametrize("answer", [OK, FULL, FULL.replace(b"Content-Length", b"CONTENT-LENGTH")])
def test_answers_may_come_in_any_pieces(answer: bytes) -> None:
    """Wherever an answer is cut in two, or into bytes, it is read as the same."""
    pieces = [[answer[:at], answer[at:]] for at in range(1, len(answer))]
    pieces.append([answer[at : at + 1] for at in range(len(answer))])
    for cut in pieces:
        seen = _Seen()
        connection = Connection(seen)
        connection.connection_made(_Wire())
        connection.send(WIRE, 1, 0.0)
        for piece in cut:
            connection.data_received(piece)
        assert seen.answers == [(int(answer[9:12]), len(answer))]
        assert not seen.losses


def test_bytes_after_an_answer_are_an_error() -> None:
    """A server that says more than it announced has garbled its answer."""
    seen = _Seen()
    connection = Connection(seen)
    connection.connection_made(_Wire())
    connection.send(WIRE, 1, 0.0)
    connection.data_received(OK + b"!")
    assert (seen.answers, seen.losses) == ([], ["more bytes than the answer has"])
