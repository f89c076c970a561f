"""Ray's and HAProxy's own metrics: where they answer, for whoever wants to scrape them beside the gateway's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

RAY, HAPROXY = "ray", "haproxy"
_PATIENCE_S = 0.5


class Neighbour(NamedTuple):
    """job: RAY or HAPROXY. host: the only one that it listens on; None if it does on every address of the machine."""

    job: str
    host: str | None
    port: int


def neighbours(ray_port: int | None, environ: Mapping[str, str]) -> list[Neighbour]:
    """Those that there should be. ray_port: of the agent that Ray runs on this machine. environ: as Serve was started with.

    HAProxy's are off unless RAY_SERVE_HAPROXY_METRICS_ENABLED was set to 1, and then on loopback.
    """
    found = [Neighbour(RAY, None, ray_port)] if ray_port else []
    port = environ.get("RAY_SERVE_HAPROXY_METRICS_PORT", "")
    on = all(environ.get(name) == "1" for name in ("RAY_SERVE_ENABLE_HA_PROXY", "RAY_SERVE_HAPROXY_METRICS_ENABLED"))
    return [*found, Neighbour(HAPROXY, "127.0.0.1", int(port))] if on and port.isdecimal() else found


async def answering(wanted: list[Neighbour]) -> list[Neighbour]:
    """Those that take a connection."""
    reached = await asyncio.gather(*(_reached(each.port) for each in wanted))
    return [each for each, yes in zip(wanted, reached, strict=True) if yes]


async def _reached(port: int) -> bool:
    with suppress(OSError, TimeoutError):
        _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), _PATIENCE_S)
        writer.close()
        return True
    return False
