"""The command line's side of a conversation with a gateway."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from gateway.client import base_url, fetch
from gateway.config import Listen
from gateway.errors import SetupError
from gateway.ports import free_port


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers by the path."""

    def do_GET(self) -> None:
        """One of a few answers."""
        status, body = {
            "/json": (200, b'{"a": 1}'),
            "/refused": (404, b'{"error": "no such path"}'),
            "/text": (502, b"Bad Gateway"),
            "/list": (503, b"[1]"),
            "/page": (200, b"<html>"),
        }[self.path]
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@pytest.fixture(scope="module")
def listen() -> Iterator[Listen]:
    """Where a server listens."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Listen(http=server.server_port)
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:80"), ("a.b", "http://a.b:80")])
def test_the_address_is_a_url(host: str, url: str) -> None:
    """Also of IPv6."""
    assert base_url(Listen(host=host, http=80)) == url


def test_json_is_fetched(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the gateway itself, whatever proxy the environment names."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert fetch(listen, "/json") == {"a": 1}


@pytest.mark.parametrize(
    ("path", "sentence"), [("/refused", "404: no such path"), ("/text", "502: Bad Gateway"), ("/list", r"503: \[1\]")]
)
def test_a_refusal_is_told(listen: Listen, path: str, sentence: str) -> None:
    """With the gateway's own words, or those of whatever answered in its place."""
    with pytest.raises(SetupError, match=f"^the gateway answers {sentence}$"):
        fetch(listen, path)


def test_no_gateway_is_told(listen: Listen) -> None:
    """And how to start one."""
    with pytest.raises(SetupError, match=r"^no gateway answers at http://127\.0\.0\.1:\d+ \(ConnectError\); start one"):
        fetch(Listen(http=free_port()), "/json")


def test_what_answers_and_is_no_gateway_is_told(listen: Listen) -> None:
    """A web server on the same port has pages, not JSON."""
    with pytest.raises(SetupError, match=r"^what answers at http://127\.0\.0\.1:\d+ is no gateway: '<html>'$"):
        fetch(listen, "/page")
