"""The console on REST: its page, and the files that the page asks for, all of them read once from the package."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.errors import NotFound
from gateway.signature import shown

POLICY = "; ".join(
    (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
"""What the page may do: fetch from where it came, nothing inline, no evaluation, and no text that becomes markup."""

HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".LICENSE": "text/plain; charset=utf-8",
}


class Page(NamedTuple):
    """A file as it is sent. tag: its ETag, quoted."""

    body: bytes
    content_type: str
    tag: str


def pages() -> dict[str, Page]:
    """Every file of the console by its path below `static`, such as `views/drift.js`."""
    return dict(_walk(files("gateway.console") / "static", ""))


def console_routes() -> list[Route]:
    """`GET /console` and `GET /console/static/…`. A browser keeps files and asks each time whether they have changed."""
    held = pages()

    async def console(request: Request) -> Response:
        return _sent(held["index.html"], request)

    async def static(request: Request) -> Response:
        path = request.path_params["path"]
        if path not in held:
            raise NotFound(f'the console has no file "{shown(path)}"')
        return _sent(held[path], request)

    async def nearby(request: Request) -> Response:
        return RedirectResponse("../console", 308)  # relative: it holds below any prefix, and names no host

    return [
        Route("/console", console),
        Route("/console/", nearby),
        Route("/console/static/{path:path}", static),
    ]


def _sent(page: Page, request: Request) -> Response:
    headers = {**HEADERS, "cache-control": "no-cache", "etag": page.tag}
    known = (tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(","))
    if page.tag in known:
        return Response(status_code=304, headers=headers)
    return Response(page.body, headers={**headers, "content-type": page.content_type})


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Page]]:
    for entry in folder.iterdir():
        path = f"{prefix}{entry.name}"
        if entry.is_dir():
            yield from _walk(entry, f"{path}/")
            continue
        kind = _TYPES.get(path[path.rfind(".") :])
        if kind is not None:
            body = entry.read_bytes()
            yield path, Page(body, kind, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
