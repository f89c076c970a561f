"""A Prometheus of the user's own, or what stands in its place."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gateway import prometheus
from gateway.prometheus import ask
from gateway.rollout.gates import ProviderFailed

Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves one answer to everything; gives the address."""
    with ExitStack() as stack:

        def start(answer: bytes, status: int = 200) -> str:
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    self.send_response(status)
                    self.send_header("content-length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)

                def log_message(self, *_: object) -> None:
                    """Says nothing."""

            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield start


def answer(kind: str, result: str) -> bytes:
    """Of a query that worked."""
    return f'{{"status": "success", "data": {{"resultType": "{kind}", "result": {result}}}}}'.encode()


@pytest.mark.parametrize(
    ("told", "value"),
    [
        (answer("vector", '[{"metric": {}, "value": [1.5, "0.25"]}]'), 0.25),
        (answer("scalar", '[1.5, "3"]'), 3.0),
        (answer("vector", "[]"), None),
    ],
)
def test_a_query_has_one_value_or_none(serve: Serve, told: bytes, value: float | None) -> None:
    """As a vector of one, or a scalar."""
    assert ask(serve(told), "x") == value


@pytest.mark.parametrize(
    ("told", "status", "words"),
    [
        (answer("vector", '[{"value": [1, "1"]}, {"value": [1, "2"]}]'), 200, "2 series"),
        (answer("matrix", '[{"values": []}]'), 200, "no value of a query"),
        (b'{"status": "error", "error": "parse error"}', 400, "answers 400: parse error"),
        (b"[1]", 200, "is no Prometheus"),
        (b"null", 200, "is no Prometheus"),
        (b"<html>", 200, "does not answer"),
        (b"[" * 100_000, 200, "does not answer"),
        (b"\xff", 503, "does not answer"),
    ],
)
def test_whatever_else_is_answered_is_a_failure_of_the_provider(
    serve: Serve, told: bytes, status: int, words: str
) -> None:
    """Never one that is not foreseen: then a rollout would neither retry nor pause."""
    with pytest.raises(ProviderFailed, match=words):
        ask(serve(told, status), "x")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://prometheus:port", "http://[", "http://\u2603..:80"])
def test_an_address_where_nobody_is_is_one_too(url: str) -> None:
    """Or that is none."""
    with pytest.raises(ProviderFailed, match="does not answer"):
        ask(url, "x")


def test_an_answer_without_an_end_is_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be it long, or slow: every rollout waits for it."""
    with pytest.raises(ProviderFailed, match="does not answer: ReadTimeout"):
        ask(serve(b" " * (2 << 20)), "x")
    monkeypatch.setattr(prometheus, "TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
                for _ in range(600):
                    connection.sendall(b" ")
                    time.sleep(0.02)

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        with pytest.raises(ProviderFailed, match="does not answer: ReadTimeout"):
            ask(f"http://127.0.0.1:{server.getsockname()[1]}", "x")
        assert time.monotonic() - began < 5
        thread.join()
