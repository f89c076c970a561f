"""The settings that Ray and Serve read when they are imported, in every process; set before either is.

Each is measured or argued in docs/architecture.md. One that the user has set stays as it is.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import NamedTuple

from gateway import haproxy
from gateway.config import Config
from gateway.ports import SIZE, Block, take_block

MiB = 1 << 20

_ALWAYS = {
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "gateway.ingress:middlewares",
    "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "1000",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
    "RAY_SERVE_USE_GRPC_BY_DEFAULT": "0",  # between processes, Ray's own calls: those are authenticated
    "RAY_AUTH_MODE": "token",  # some of Ray's own ports listen everywhere, and take code to run
    "RAY_worker_niceness": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
}
_BALANCED = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_PROXY_USE_GRPC": "0",
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    "RAY_SERVE_HAPROXY_LOG_TARGET": "127.0.0.1:514 sample 1:100000",
    "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
    "RAY_SERVE_HAPROXY_RETRIES": "5",
    "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": "120",
    "RAY_SERVE_HAPROXY_TUNE_BUFSIZE": "32768",  # a request this long can be sent again to another replica
}


def run_folder(config: Config) -> Path:
    """A short path (Unix sockets allow about 100 characters), the same for each start on the same port."""
    return Path(tempfile.gettempdir()) / f"driftgate-{os.getuid()}-{config.listen.http}"


def settings(config: Config, program: str | None, block: tuple[int, int], ports: tuple[int, int]) -> dict[str, str]:
    """The variables to set.

    program: HAProxy, or None to do without. block: where the replicas' HTTP and gRPC ports begin. ports: for HAProxy's
    metrics and statistics, on loopback.
    """
    http, grpc = block
    variables = {
        **_ALWAYS,
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(http),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(http + SIZE - 4),
        "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(grpc),
        "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(grpc + SIZE - 4),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(http + SIZE - 2),  # HAProxy's last resort; 8500 and 9500 would be
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(grpc + SIZE - 2),  # shared, unnoticed, by all gateways of a machine
        "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str(2 * config.limits.max_body + MiB),
        "RAY_SERVE_GRPC_MAX_MESSAGE_SIZE": str(config.limits.max_body + MiB),
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(config.limits.drain),
    }
    run = run_folder(config)
    variables["RAY_AUTH_TOKEN_PATH"] = str(run / "token")
    if program is None:
        return {**variables, "DRIFTGATE_GRPC_HOST": config.listen.host}
    return {
        **variables,
        **_BALANCED,
        "DRIFTGATE_GRPC_HOST": "127.0.0.1",  # of replicas; HAProxy alone listens where clients connect
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(run / "haproxy"),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(run / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(run / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(run / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(run),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(run / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(ports[0]),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(ports[1]),
    }


class Prepared(NamedTuple):
    """Whether HAProxy stands in front, and the replicas' ports, taken for as long as this is held."""

    balanced: bool
    block: Block


def prepare(config: Config) -> Prepared:
    """Sets the variables and writes the launcher. Call it before importing Ray.

    The run folder must be there, and be ours alone. Raises SetupError.
    """
    program = haproxy.binary()
    run = run_folder(config)
    write_token(run / "token")
    if program is not None:
        haproxy.write_launcher(run, program, config.limits.body_timeout)
    block = take_block(config.listen.http)
    ports = block.http + SIZE - 3, block.grpc + SIZE - 3
    for name, value in settings(config, program, (block.http, block.grpc), ports).items():
        os.environ.setdefault(name, value)
    return Prepared(program is not None, block)


def write_token(path: Path) -> None:
    """A new secret, which Ray's processes show each other."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
