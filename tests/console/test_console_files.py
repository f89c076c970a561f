"""The console's files: how they are sent, and what is not in them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from gateway.console.routes import HEADERS, POLICY, console_routes, pages
from gateway.errors import NotFound

OURS = {path: page.body.decode() for path, page in pages().items() if not path.startswith("vendor/")}
SCRIPTS = {path: text for path, text in OURS.items() if path.endswith(".js")}


async def refused(request: Request, problem: Exception) -> Response:
    """As gateway.rest does it."""
    return Response(str(problem), 404)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of the routes alone."""
    application = Starlette(routes=console_routes(), exception_handlers={NotFound: refused})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://gateway") as client:
        yield client


@pytest.mark.parametrize("path", ["/console", *(f"/console/static/{path}" for path in sorted(pages()))])
async def test_every_file_is_sent_with_strict_headers(client: httpx.AsyncClient, path: str) -> None:
    """Its type, the policy, no sniffing; and a browser that has it is told so without a body."""
    answer = await client.get(path)
    assert answer.status_code == 200
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"].partition(";")[0] in {
        "text/html",
        "text/css",
        "text/javascript",
        "image/svg+xml",
        "text/plain",
    }
    for known in (answer.headers["etag"], f'"other", W/{answer.headers["etag"]}'):
        again = await client.get(path, headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["content-security-policy"] == POLICY


@pytest.mark.parametrize("path", ["../routes.py", "%2e%2e/routes.py", "nothing.js", "", "views", "/etc/passwd"])
async def test_nothing_else_is_sent(client: httpx.AsyncClient, path: str) -> None:
    """Only files of the folder have a path."""
    answer = await client.get(f"/console/static/{path}")
    assert answer.status_code == 404


async def test_a_slash_too_many_leads_to_the_page(client: httpx.AsyncClient) -> None:
    """By a relative address, which holds below a prefix too and names no host."""
    answer = await client.get("/console/")
    assert (answer.status_code, answer.headers["location"]) == (308, "../console")


def test_the_policy_allows_nothing_inline() -> None:
    """No unsafe words, no other hosts."""
    assert "default-src 'self'" in POLICY
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


@pytest.mark.parametrize("path", sorted(OURS))
def test_files_ask_nobody_else_and_run_no_text(path: str) -> None:
    """No address of another host, no markup from text, no evaluation, no handlers or styles in attributes."""
    text = re.sub(r'xmlns="http://www\.w3\.org/2000/svg"|"http://www\.w3\.org/2000/svg"', "", OURS[path])
    found = re.findall(
        r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser", text
    )
    assert found == []
    if path.endswith(".html"):
        assert re.findall(r"\son\w+=|style=|<script(?![^>]*src)|<style", text) == []


@pytest.mark.parametrize("path", sorted(SCRIPTS))
def test_modules_import_files_that_are_there(path: str) -> None:
    """Relative, with their suffix; and no module is longer than a page or two."""
    folder = path.rpartition("/")[0].split("/") if "/" in path else []
    for target in re.findall(r'from "([^"]+)"', SCRIPTS[path]):
        parts = list(folder)
        for part in target.split("/"):
            if part == "..":
                parts.pop()
            elif part != ".":
                parts.append(part)
        assert "/".join(parts) in SCRIPTS, f"{path} imports {target}"
    assert SCRIPTS[path].count("\n") <= 300


def test_what_is_not_ours_has_its_licence_beside_it() -> None:
    """uPlot's notice, and the version that was taken."""
    held = pages()
    assert held["vendor/uPlot.LICENSE"].body.startswith(b"The MIT License")
    assert b"uPlot (v1.6.32)" in held["vendor/uPlot.iife.min.js"].body[:200]
    assert sorted(path for path in held if path.startswith("vendor/")) == [
        "vendor/uPlot.LICENSE",
        "vendor/uPlot.iife.min.js",
        "vendor/uPlot.min.css",
    ]


def test_every_module_is_used() -> None:
    """From the page, every script can be reached."""
    reached, waiting = {"theme.js"}, ["main.js"]
    while waiting:
        path = waiting.pop()
        reached.add(path)
        names = {target.rpartition("/")[2] for target in re.findall(r'from "([^"]+)"', SCRIPTS[path])}
        waiting += [other for other in SCRIPTS if other.rpartition("/")[2] in names and other not in reached]
    assert reached == set(SCRIPTS)
