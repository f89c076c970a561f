"""Asks a Prometheus of the user's own, for gates."""

from __future__ import annotations

import httpx

from gateway.rollout.gates import ProviderFailed

TIMEOUT_S = 3.0


def ask(url: str, query: str) -> float | None:
    """The one value that a query has now; None if it has none. Raises ProviderFailed.

    A vector of several values is refused: nobody could say which one is meant.
    """
    try:
        answer = httpx.get(
            f"{url.rstrip('/')}/api/v1/query", params={"query": query}, timeout=TIMEOUT_S, trust_env=False
        )
        content = answer.json()
    except (httpx.HTTPError, ValueError) as problem:
        raise ProviderFailed(f"{url} does not answer: {type(problem).__name__}") from None
    if answer.is_error or content.get("status") != "success":
        raise ProviderFailed(f"{url} answers {answer.status_code}: {str(content.get('error', ''))[:200]}")
    try:
        kind, result = content["data"]["resultType"], content["data"]["result"]
        if kind == "scalar":
            return float(result[1])
        if len(result) > 1:
            raise ProviderFailed(f"{query}: {len(result)} series, expected one; aggregate them")
        return float(result[0]["value"][1]) if result else None
    except (KeyError, IndexError, TypeError, ValueError):
        raise ProviderFailed(f"{url} answers what is no value of a query: {str(content)[:200]}") from None
