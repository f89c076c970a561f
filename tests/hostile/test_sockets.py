"""What no HTTP library would send: each is answered or closed in time, and the next client is served as ever."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import pytest

from tests.hostile.conftest import PATIENCE_S
from tests.running import Running

GOOD = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]}'
PATH = b"/v2/models/echo_fp32/infer"


def post(body: bytes, *, length: int | None = None, extra: bytes = b"", path: bytes = PATH) -> bytes:
    """An inference request whose Content-Length may lie; `extra` are header lines, as they stand."""
    size = len(body) if length is None else length
    return b"POST %s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %d\r\n\r\n%s" % (path, extra, size, body)


def chunked(body: bytes) -> bytes:
    """An inference request whose chunks are `body`, as they stand."""
    return b"POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%s" % (PATH, body)


@pytest.fixture(autouse=True)
def _well_afterwards(hostage: Running) -> Iterator[None]:
    """After each of these, a good request on a new connection is answered."""
    yield
    with hostage.client() as client:
        assert client.post(PATH.decode(), content=GOOD).status_code == 200


REFUSED = {
    "a negative length": (post(GOOD, length=-5), 400),
    "a length with a sign": (post(b"", extra=b"Content-Length: +5\r\n"), 400),
    "two lengths": (post(GOOD, extra=b"Content-Length: 6\r\n"), 400),
    "a length of 26 digits": (post(b"", length=10**25), 400),
    "a length and chunks": (post(b"0\r\n\r\n", extra=b"Transfer-Encoding: chunked\r\n"), 400),
    "an unknown transfer encoding": (post(GOOD, extra=b"Transfer-Encoding: xchunked\r\n"), 400),
    "chunks that are garbage": (chunked(b"zz\r\nabc\r\n"), 400),
    "a chunk that says it is huge": (chunked(b"ffffffffffffffffffff\r\nabc\r\n"), 400),
    "a chunk of negative size": (chunked(b"-1\r\nabc\r\n"), 400),
    "garbage": (b"\x00\x01\x02garbage\r\n\r\n", 400),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), 400),
    "a control character in a header": (post(GOOD, extra=b"x-request-id: a\x01b\r\n"), 400),
    "NUL in a header": (post(GOOD, extra=b"x-request-id: a\x00b\r\n"), 400),
    "a bare carriage return in a header": (post(GOOD, extra=b"x-request-id: a\rX-Evil: b\r\n"), 400),
    "a header name with a space": (post(GOOD, extra=b"x request: b\r\n"), 400),
    "a header without a colon": (post(GOOD, extra=b"nonsense\r\n"), 400),
    "a header of 100 kB": (post(GOOD, extra=b"x-a: " + b"a" * 100_000 + b"\r\n"), 400),
    "1,000 headers": (post(GOOD, extra=b"".join(b"x-%d: a\r\n" % index for index in range(1000))), 400),
    "a path of 80 kB": (post(GOOD, path=b"/v2/models/" + b"a" * 80_000 + b"/infer"), 400),
    "a path that is not ASCII": (post(GOOD, path=b"/v2/models/\xff/infer"), 400),
    "a path with a space": (post(GOOD, path=b"/v2/models/a b/infer"), 400),
    "a host that is no host": (b"GET /v2/ HTTP/1.1\r\nHost: [\r\n\r\n", 400),
    "HTTP 0.9": (b"GET /v2\r\n", 400),
    "CONNECT": (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    "a web socket": (
        b"GET %s HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % PATH,
        403,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_http_is_refused(hostage: Running, name: str) -> None:
    """Malformed HTTP gets a 4xx at once."""
    request, status = REFUSED[name]
    began = time.monotonic()
    assert talk(hostage, request).split(b" ")[1] == b"%d" % status
    assert time.monotonic() - began < PATIENCE_S


STALLED = {
    "a length beyond the body": post(GOOD, length=1000),
    "a length far beyond any limit, and no body": post(b"", length=10**11),
    "a body of which nothing comes": post(b"", length=100),
    "a chunk that does not come": chunked(b"10\r\nabc"),
    "no last chunk": chunked(b"3\r\nabc\r\n"),
    "half a request line": b"POST /v2/mod",
    "half the headers": b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Le" % PATH,
    "more than HAProxy holds, and then nothing": post(bytes(100_000), length=200_000),
}


@pytest.mark.parametrize("name", STALLED)
def test_who_stalls_is_told_so_in_time(hostage: Running, name: str) -> None:
    """A request that does not arrive in full gets 408 after `limits.body_timeout`."""
    began = time.monotonic()
    answer = talk(hostage, STALLED[name])
    assert answer.split(b" ")[1] == b"408"
    assert PATIENCE_S * 0.9 < time.monotonic() - began < 5


@pytest.mark.parametrize("gone", [post(GOOD, length=1000), chunked(b"10\r\nabc"), post(GOOD)[:-1], b"POST /v2"])
def test_a_half_closed_connection_is_closed(hostage: Running, gone: bytes) -> None:
    """Who says that no more will come, in the middle of a request, is refused or hung up on at once."""
    began = time.monotonic()
    answer = talk(hostage, gone, half_close=True)
    assert not answer or answer.startswith(b"HTTP/1.1 4")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("sent", [1, 20, 60, len(post(GOOD)) - 1])
def test_a_client_that_leaves_in_the_middle_disturbs_nobody(hostage: Running, sent: int) -> None:
    """Twenty clients that hang up after so many bytes are only forgotten."""
    for _ in range(20):
        with connect(hostage) as connection:
            connection.sendall(post(GOOD)[:sent])


SLOW = {
    "a header": b"POST %s HTTP/1.1\r\nHost: a\r\nx-slow: " % PATH,
    "a body": post(b"", length=1000),
    "a chunk": chunked(b"400\r\n"),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_loris_is_cut_off(hostage: Running, name: str) -> None:
    """One byte at a time does not keep a connection for longer than the patience for a whole request: 408."""
    began = time.monotonic()
    answer = b""
    with connect(hostage) as connection:
        connection.sendall(SLOW[name])
        connection.settimeout(0.1)
        while not answer and time.monotonic() - began < 5:
            connection.sendall(b"a")
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began < 5


def test_a_length_short_of_the_body_leaves_garbage_behind_one_answer(hostage: Running) -> None:
    """The part that Content-Length names is answered by itself; what follows is no request, and is refused."""
    answer = talk(hostage, post(GOOD, length=10))
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"not a valid inference request" in answer
    assert answer.count(b"HTTP/1.1 ") == 2


def test_pipelined_garbage_does_not_spoil_the_answer_before_it(hostage: Running) -> None:
    """A good request is answered although nonsense follows it on the connection."""
    answer = talk(hostage, post(GOOD) + b"\x00\x01garbage\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 400" in answer


def test_pipelined_requests_are_answered_in_order(hostage: Running) -> None:
    """Good, bad, good: three answers, each to its own request."""
    bad = post(GOOD.replace(b"FP32", b"FP99"))
    answer = talk(hostage, post(GOOD) + bad + post(GOOD, extra=b"Connection: close\r\n"))
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400", b"200"]


def test_no_header_of_the_request_can_write_one_of_the_answer(hostage: Running) -> None:
    """Line breaks in what is echoed, however they are spelled, stay what they are or are left out."""
    for name in (b"x-request-id", b"traceparent"):
        for value in (
            b"a\r\nX-Evil: 1",
            b"a\rX-Evil: 1",
            b"a\nX-Evil: 1",
            b"a%0d%0aX-Evil: 1",
            b"a\xc4\x8d\xc4\x8aX-Evil: 1",
        ):
            answer = talk(hostage, post(GOOD, extra=name + b": " + value + b"\r\nConnection: close\r\n"))
            head = answer.split(b"\r\n\r\n")[0].lower()
            assert not any(line.startswith(b"x-evil") for line in head.replace(b"\r", b"\n").split(b"\n"))


def test_a_large_body_is_refused_to_the_client_that_is_still_sending_it(hostage: Running) -> None:
    """The 413 reaches a client that uploads four times the limit."""
    with hostage.client() as client:
        answer = client.post(PATH.decode(), content=bytes(32 << 20))
    assert answer.status_code == 413
    assert "limits.max_body" in answer.json()["error"]


def test_nan_in_an_answer_is_valid_json(hostage: Running) -> None:
    """JSON has no word for NaN or infinity, so an answer says null; strict parsers can read it."""
    body = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[-1,4,null]}]}'
    with hostage.client() as client:
        text = client.post("/v2/models/root/infer", content=body).text
    answer = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert answer["outputs"][0]["data"] == [None, 2.0, None]


def connect(running: Running) -> socket.socket:
    """A connection; whatever waits on it fails after 8 s."""
    host, port = running.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=8)


def talk(running: Running, request: bytes, *, half_close: bool = False) -> bytes:
    """Sends bytes as they are; gives all that comes back until the other side closes, or has answered and is silent."""
    answer = b""
    with connect(running) as connection:
        try:
            connection.sendall(request)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                answer += part
                connection.settimeout(0.3)
        except TimeoutError:
            assert answer, "no answer"
        except ConnectionError:
            pass  # it hung up on what we were still sending; what came before counts
    return answer
