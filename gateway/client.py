"""The command line's side of a conversation with a running gateway."""

from __future__ import annotations

from typing import Any

import httpx

from gateway.config import Listen
from gateway.errors import SetupError


class Unreachable(SetupError):
    """No gateway answers at the address."""


def base_url(listen: Listen) -> str:
    """The address of the gateway's REST interface."""
    return f"http://{listen.host}:{listen.http}"


def fetch(listen: Listen, path: str) -> Any:
    """The JSON at `path`. Raises SetupError if the gateway does not answer, or says no."""
    return _asked("GET", listen, path, None, 10.0)


def post(listen: Listen, path: str, body: Any) -> Any:
    """The JSON that `path` answers to `body`; it may take minutes. Raises SetupError as `fetch` does."""
    return _asked("POST", listen, path, body, 600.0)


def _asked(method: str, listen: Listen, path: str, body: Any, timeout_s: float) -> Any:
    try:
        response = httpx.request(method, base_url(listen) + path, json=body, timeout=timeout_s, trust_env=False)
    except httpx.HTTPError as problem:
        raise Unreachable(
            f"no gateway answers at {base_url(listen)} ({type(problem).__name__}); start one: driftgate up"
        ) from None
    if response.is_error:
        raise SetupError(f"the gateway answers {response.status_code}: {reason(response)}")
    try:
        return response.json()
    except ValueError:
        raise SetupError(f"what answers at {base_url(listen)} is no gateway: {response.text[:80]!r}") from None


def reason(response: httpx.Response) -> str:
    """The sentence of a refusal, or whatever came in its place."""
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return response.text[:200]
