"""Ports: one that is free, and a block of them that no other gateway on this machine uses."""

from __future__ import annotations

import contextlib
import random
import socket
from typing import NamedTuple

from gateway.errors import SetupError

SIZE = 100
_FIRST_HTTP, _FIRST_GRPC, _BLOCKS = 20000, 26000, 60  # all below the ports that the kernel hands out by itself


class Block(NamedTuple):
    """Where the replicas' own ports lie: SIZE for HTTP, SIZE for gRPC. `guard` is open for as long as the block is taken."""

    http: int
    grpc: int
    guard: socket.socket


def take_block(start: int) -> Block:
    """Takes a block, beginning the search at number `start` modulo 60. Raises SetupError if all are taken.

    Ray has its gRPC servers share a port with whoever else listens on it, so that two gateways with the same ports would
    answer each other's calls, unnoticed. The first port of a block is bound for itself alone, and says whose it is. A block
    where anything listens is passed over: a gateway that was killed may have left its HAProxy there.
    """
    for step in range(_BLOCKS):
        offset = (start + step) % _BLOCKS * SIZE
        guard = socket.socket()
        try:
            guard.bind(("127.0.0.1", _FIRST_HTTP + offset))
            for port in range(offset + 1, offset + SIZE):
                _probe(_FIRST_HTTP + port)
                _probe(_FIRST_GRPC + port)
        except OSError:
            guard.close()
            continue
        return Block(_FIRST_HTTP + offset + 1, _FIRST_GRPC + offset + 1, guard)
    raise SetupError(
        f"{_BLOCKS} gateways run on this machine, or somebody else listens where they would; "
        "there are no ports left for another one's replicas"
    )


def _probe(port: int) -> None:
    """Raises OSError if anything listens there; connections that have ended do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def free_port() -> int:
    """A TCP port that nobody listens on now, of those that the kernel does not hand out by itself meanwhile."""
    while True:
        port = random.randrange(10000, _FIRST_HTTP)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
