"""The settings that Ray and Serve read when they are imported, in every process; set before either is.

Each is measured or argued in docs/architecture.md. One that the user has set stays as it is.
"""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

from gateway import haproxy
from gateway.config import Config

MiB = 1 << 20
_BLOCK, _BLOCKS = 100, 60

_ALWAYS = {
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "gateway.ingress:middlewares",
    "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "1000",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
    "RAY_worker_niceness": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
}
_BALANCED = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_PROXY_USE_GRPC": "1",
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    "RAY_SERVE_HAPROXY_LOG_TARGET": "127.0.0.1:514 sample 1:100000",
    "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
    "RAY_SERVE_HAPROXY_RETRIES": "5",
    "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": "120",
    "RAY_SERVE_HAPROXY_TUNE_BUFSIZE": "65536",  # a request this long can be sent again to another replica
}


def run_folder(config: Config) -> Path:
    """A short path (Unix sockets allow about 100 characters), the same for each start on the same port."""
    return Path(tempfile.gettempdir()) / f"driftgate-{os.getuid()}-{config.listen.http}"


def settings(config: Config, program: str | None, ports: tuple[int, int]) -> dict[str, str]:
    """The variables to set. program: HAProxy, or None to do without; ports: for its metrics and statistics, on loopback."""
    http, grpc = replica_ports(config.listen.http)
    variables = {
        **_ALWAYS,
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(http),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(http + _BLOCK - 1),
        "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(grpc),
        "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(grpc + _BLOCK - 1),
        "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str(2 * config.limits.max_body + MiB),
        "RAY_SERVE_GRPC_MAX_MESSAGE_SIZE": str(config.limits.max_body + MiB),
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(config.limits.drain),
    }
    if program is None:
        return variables
    run = run_folder(config)
    return {
        **variables,
        **_BALANCED,
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(run / "haproxy"),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(run / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(run / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(run / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(run),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(run / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(ports[0]),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(ports[1]),
    }


def replica_ports(listen: int) -> tuple[int, int]:
    """Where the replicas' own HTTP and gRPC ports begin; each has a block of 100, below the ports that the kernel hands out.

    Two gateways on one machine get blocks of their own: were one's replica to take the port of another's that has just died,
    the other's HAProxy would send it requests until it notices.

    >>> replica_ports(8000)
    (22000, 28000)
    """
    block = listen % _BLOCKS * _BLOCK
    return 20000 + block, 26000 + block


def prepare(config: Config) -> bool:
    """Sets the variables and writes the launcher; whether HAProxy stands in front. Call it before importing Ray."""
    program = haproxy.binary()
    run = run_folder(config)
    run.mkdir(mode=0o700, exist_ok=True)
    if program is not None:
        haproxy.reap(run)
        haproxy.write_launcher(run, program, config.limits.body_timeout)
    for name, value in settings(config, program, (free_port(), free_port())).items():
        os.environ.setdefault(name, value)
    return program is not None


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
