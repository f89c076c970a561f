"""A running gateway, as the commands about its configuration and its rollouts speak to it."""

from __future__ import annotations

import getpass
import os
from typing import Any
from urllib.parse import quote

import httpx

from gateway.caller import USER
from gateway.client import base_url, reason
from gateway.config import Config, Listen
from gateway.errors import BadRequest, NotFound, SetupError
from gateway.management import Verb
from gateway.planning import plain

_SLOW_S, _QUICK_S = 600.0, 10.0
"""An edit's versions are loaded and checked before the answer comes."""


class Remote:
    """Each method raises BadRequest or NotFound for what the gateway refuses, SetupError if none answers, or it cannot.

    pid: of the process that runs a gateway with the same data, if there is one: it may listen elsewhere.
    """

    def __init__(self, listen: Listen, who: str, pid: int | None = None) -> None:
        self._url = base_url(listen)
        self._headers = {USER: who.encode("ascii", "replace").decode()}
        self._pid = pid

    def plan(self, config: Config) -> dict[str, Any]:
        """What the configuration would change: see management.Steering."""
        found: dict[str, Any] = self._asked("POST", "/gateway/plan", plain(config), _SLOW_S)
        return found

    def apply(self, config: Config) -> dict[str, Any]:
        """Puts the configuration into force."""
        found: dict[str, Any] = self._asked("PUT", "/gateway/config", plain(config), _SLOW_S)
        return found

    def command(self, model: str, what: Verb, why: str) -> dict[str, Any]:
        """Has a rollout pause, or the like."""
        path = f"/gateway/models/{quote(model, safe='')}/rollout/{what}"
        found: dict[str, Any] = self._asked("POST", path, {"why": why}, _QUICK_S)
        return found

    def rollouts(self) -> list[dict[str, Any]]:
        """How each stands."""
        found: list[dict[str, Any]] = self._asked("GET", "/gateway/rollouts", None, _QUICK_S)["rollouts"]
        return found

    def history(self, model: str | None, limit: int) -> list[dict[str, Any]]:
        """The newest changes."""
        query = {"limit": str(limit), **({"model": model} if model else {})}
        path = f"/gateway/history?{httpx.QueryParams(query)}"
        found: list[dict[str, Any]] = self._asked("GET", path, None, _QUICK_S)["events"]
        return found

    def _asked(self, method: str, path: str, body: Any, timeout_s: float) -> Any:
        try:
            response = httpx.request(
                method, self._url + path, json=body, headers=self._headers, timeout=timeout_s, trust_env=False
            )
        except httpx.HTTPError as problem:
            raise SetupError(f"no gateway answers at {self._url} ({type(problem).__name__}); {self._hint()}") from None
        if response.is_error:
            raise _refusal(response)
        try:
            return response.json()
        except ValueError:
            raise SetupError(f"what answers at {self._url} is no gateway: {response.text[:80]!r}") from None

    def _hint(self) -> str:
        if self._pid is None:
            return "start one: driftgate up"
        return (
            f"process {self._pid} runs one with the same data, and where that one listens is changed by a restart only"
        )


def login() -> str:
    """Who runs the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return f"uid {os.getuid()}"


def _refusal(response: httpx.Response) -> BadRequest | NotFound | SetupError:
    if response.status_code == 404:
        return NotFound(reason(response))
    if response.is_client_error:
        return BadRequest(reason(response))
    return SetupError(f"the gateway answers {response.status_code}: {reason(response)}")
