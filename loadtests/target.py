"""The address under load: on this machine, or refused."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from loadtests.errors import TargetError


@dataclass(frozen=True, slots=True)
class Target:
    """A server on this machine. `host` is an IP address, so that a later look-up cannot lead elsewhere."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        """What stands in the Host header: `127.0.0.1:8000`, `[::1]:8000`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The root, without a slash at its end."""
        return f"http://{self.authority}"


def loopback(url: str) -> Target:
    """The target at `url`. Every address that its host name stands for must be a loopback address.

    Raises TargetError, also for https, for a path, and for credentials in the URL.

    >>> loopback("http://127.0.0.1:8000")
    Target(host='127.0.0.1', port=8000)
    """
    try:
        parts = urlsplit(url)
        port = 80 if parts.port is None else parts.port
    except ValueError as problem:
        raise TargetError(f"{url}: {problem}") from None
    extras = parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment
    if parts.scheme != "http" or not parts.hostname or extras:
        raise TargetError(f"{url}: expected http://HOST:PORT and nothing more")
    addresses = _addresses(parts.hostname, port)
    strangers = [address for address in addresses if not ipaddress.ip_address(address).is_loopback]
    if strangers:
        raise TargetError(f"{url}: {strangers[0]} is not a loopback address; load is for servers on this machine")
    return Target(addresses[0], port)


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as problem:
        raise TargetError(f"{host}: cannot be looked up: {problem}") from None
    return sorted({str(entry[4][0]) for entry in found}, key=lambda address: (":" in address, address))
