"""The client's side: labels on their way to a running gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import httpx
import msgspec

from gateway.client import reason
from gateway.errors import BadRequest, SetupError

TRIES = 8
LONGEST_WAIT_S = 30.0

_RETRIED = (408, 429, 502, 503, 504)
_JSON = {"content-type": "application/json"}


class Outgoing(msgspec.Struct, omit_defaults=True):
    """A label as the gateway takes it. time: with its zone, or seconds since the epoch."""

    id: str
    label: bool | int | float | str
    time: datetime | float | None = None
    row: int = 0


class Receipt(msgspec.Struct):
    """What the gateway says has become of a call: see inbox.Accepted."""

    accepted: int
    duplicate: int
    corrected: int = 0


async def post(
    client: httpx.AsyncClient,
    url: str,
    labels: Sequence[Outgoing],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Receipt:
    """Sends one call to `url`, again and again while the gateway is away or asks to come back: a label sent twice is known.

    Raises BadRequest with the gateway's sentence if it refuses them, SetupError after eight tries.
    """
    body = msgspec.json.encode({"labels": labels})
    for attempt in range(TRIES):
        wait = min(0.25 * 2**attempt, LONGEST_WAIT_S)
        try:
            answer = await client.post(url, content=body, headers=_JSON)
        except httpx.TransportError as problem:
            found = type(problem).__name__
        else:
            if answer.status_code not in _RETRIED:
                return _receipt(answer)
            found = f"{answer.status_code} {reason(answer)}"
            wait = min(_asked(answer, wait), LONGEST_WAIT_S)
        if attempt + 1 < TRIES:
            await sleep(wait)
    raise SetupError(f"the gateway took no labels in {TRIES} tries; the last: {found}")


def _receipt(answer: httpx.Response) -> Receipt:
    if answer.is_error:
        raise BadRequest(f"the gateway answers {answer.status_code}: {reason(answer)}")
    try:
        return msgspec.json.decode(answer.content, type=Receipt)
    except msgspec.MsgspecError:
        raise SetupError(f"what answers at {answer.url} is no gateway: {answer.text[:80]!r}") from None


def _asked(answer: httpx.Response, otherwise: float) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else otherwise
