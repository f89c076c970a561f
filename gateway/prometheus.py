"""Asks a Prometheus of the user's own, for gates."""

from __future__ import annotations

import json
import time

import httpx

from gateway.rollout.gates import ProviderFailed

TIMEOUT_S = 3.0
_MOST = 1 << 20  # bytes of an answer: one value has a hundred


def ask(url: str, query: str) -> float | None:
    """The one value that a query has now; None if it has none. Raises ProviderFailed.

    A vector of several values is refused: nobody could say which one is meant.
    """
    try:
        status, body = _fetched(f"{url.rstrip('/')}/api/v1/query", query)
        content = json.loads(body)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as problem:
        raise ProviderFailed(f"{url} does not answer: {type(problem).__name__}") from None
    if not isinstance(content, dict):
        raise ProviderFailed(f"{url} is no Prometheus: it answers {str(content)[:200]}")
    if status >= 400 or content.get("status") != "success":
        raise ProviderFailed(f"{url} answers {status}: {str(content.get('error', ''))[:200]}")
    try:
        kind, result = content["data"]["resultType"], content["data"]["result"]
        if kind == "scalar":
            return float(result[1])
        if len(result) > 1:
            raise ProviderFailed(f"{query}: {len(result)} series, expected one; aggregate them")
        return float(result[0]["value"][1]) if result else None
    except (KeyError, IndexError, TypeError, ValueError):
        raise ProviderFailed(f"{url} answers what is no value of a query: {str(content)[:200]}") from None


def _fetched(url: str, query: str) -> tuple[int, bytes]:
    """Status and body; all rollouts wait for one that sends a byte now and then, so there is an end to it."""
    end = time.monotonic() + 2 * TIMEOUT_S
    body = bytearray()
    with httpx.stream("GET", url, params={"query": query}, timeout=TIMEOUT_S, trust_env=False) as answer:
        for chunk in answer.iter_bytes():
            body += chunk
            if len(body) > _MOST or time.monotonic() > end:
                raise httpx.ReadTimeout("the answer has no end")
    return answer.status_code, bytes(body)
