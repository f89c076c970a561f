"""By which names a gateway that only this machine reaches is called.

A page of another site may have its own name resolved to 127.0.0.1; to the browser, what it asks there is then of the same site
(DNS rebinding). It cannot do so with an address, nor with `localhost`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from starlette.responses import JSONResponse

from gateway.inference import Headers, Receive, Scope, Send
from gateway.rest import ASGIApp
from gateway.signature import shown


class Named:
    """ASGI: refuses whoever calls the gateway by another name than an address, `localhost`, or one of `names`."""

    def __init__(self, application: ASGIApp, names: Collection[str]) -> None:
        self._application = application
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = Headers(scope["headers"]).get("host", "localhost") if scope["type"] == "http" else "localhost"
        if own(host, self._names):
            await self._application(scope, receive, send)
            return
        why = f"{shown(host)} is no name of this gateway, which only its own machine reaches"
        error = f"{why}: expected an address, localhost, or one of listen.names"
        await JSONResponse({"error": error}, status_code=403)(scope, receive, send)


def own(host: str, names: Collection[str]) -> bool:
    """Whether a Host header names an address, `localhost`, or one of `names` (in lower case), with or without a port.

    >>> own("127.0.0.1:8000", ()), own("[::1]", ()), own("Gate.bank:80", ["gate.bank"]), own("evil.example:8000", ())
    (True, True, True, False)
    """
    name = host.lower()
    if not name.endswith("]"):
        name = name.rpartition(":")[0] or name
    if name == "localhost" or name in names:
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
