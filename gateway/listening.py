"""Keeps Serve's gRPC servers off the network. Imported, before any of them starts, by every process that has one.

Serve has them all listen on all interfaces, and offers no setting. Two are concerned: the one for clients, which belongs where
HAProxy finds it, and the one by which replicas call each other, which takes pickles from whoever connects. Nobody here uses the
second (handles go by Ray's own, authenticated calls), so it listens on loopback, where it does no harm.
"""

from __future__ import annotations

import os
from typing import Any

from ray.serve._private import default_impl
from ray.serve._private import replica as serve_replica

replica: Any = serve_replica
EVERYWHERE, LOOPBACK = "[::]", "127.0.0.1"
_CLIENTS = os.environ.get("DRIFTGATE_GRPC_HOST", LOOPBACK)  # set by `environment`, for this module alone
_add_port = replica.add_port_to_grpc_server


def _for_clients(grpc_server: Any, server_address: str) -> Any:
    return grpc_server.add_insecure_port(server_address.replace(EVERYWHERE, _CLIENTS))


def _for_replicas(server: Any, address: str) -> Any:
    return _add_port(server, address.replace(EVERYWHERE, LOOPBACK))


default_impl.add_grpc_address = _for_clients
replica.add_port_to_grpc_server = _for_replicas
