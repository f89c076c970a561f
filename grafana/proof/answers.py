"""What Prometheus answers: to queries at a moment or over a time, and to questions for the values of a label."""

from __future__ import annotations

from typing import Any, NamedTuple

import httpx

from grafana.proof.errors import ProofError

Series = dict[str, Any]
"""One series as Prometheus' API gives it: `metric`, and `value` at a moment or `values` over a time."""


class Period(NamedTuple):
    """A time from `start` to `end`, looked at every `step`; all in seconds, the first two since 1970."""

    start: float
    end: float
    step: float


class Answers:
    """Prometheus' API, over a client that knows its address."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    @property
    def url(self) -> str:
        """Where it answers."""
        return str(self._client.base_url)

    def at(self, expression: str, moment: float | None = None) -> list[Series]:
        """The series that the expression gives at a moment; left out, now. A scalar is one series without labels."""
        asked = {"query": expression} if moment is None else {"query": expression, "time": f"{moment:.3f}"}
        data = self._ask("/api/v1/query", asked)
        if data["resultType"] == "scalar":
            return [{"metric": {}, "value": data["result"]}]
        found: list[Series] = data["result"]
        return found

    def over(self, expression: str, period: Period) -> list[Series]:
        """The series that the expression gives over a time."""
        asked = {"query": expression, "start": f"{period.start:.3f}", "end": f"{period.end:.3f}"}
        data = self._ask("/api/v1/query_range", {**asked, "step": f"{period.step:g}"})
        found: list[Series] = data["result"]
        return found

    def values(self, label: str, selector: str | None, period: Period) -> list[str]:
        """The values of a label, sorted; of the series that the selector matches, or of all."""
        asked: dict[str, Any] = {"start": f"{period.start:.3f}", "end": f"{period.end:.3f}"}
        if selector is not None:
            asked["match[]"] = selector
        answer = self._client.get(f"/api/v1/label/{label}/values", params=asked)
        found: list[str] = _data(answer, f"values of {label} in {selector}")
        return sorted(found)

    def troubles(self) -> dict[str, str]:
        """The rules that could not be evaluated, by name, with the reason."""
        groups = _data(self._client.get("/api/v1/rules"), "the state of its rules")["groups"]
        failed = [rule for group in groups for rule in group["rules"] if rule["health"] == "err"]
        return {rule["name"]: rule["lastError"] for rule in failed}

    def _ask(self, path: str, form: dict[str, str]) -> Any:
        return _data(self._client.post(path, data=form), form["query"])


def _data(answer: httpx.Response, asked: str) -> Any:
    content = answer.json()
    if content.get("status") != "success":
        raise ProofError(f"prometheus refuses {asked!r}: {content.get('error', answer.status_code)}")
    return content["data"]
