"""Questions that a healthy gateway under replay rightly answers with nothing, each with its reason."""

from __future__ import annotations

from collections.abc import Iterable

from grafana.proof.scene import Question

REASONS: dict[str, str] = {
    "annotation Alerts": "no alert need fire",
    "overview · Alerts that fire": "no alert need fire",
    "Refusals by reason": "no request need be refused",
    "rollout · Events": "what has just happened is drawn once its bar is full",
    "fairness · Gaps by attribute · E": "flights answers with a class: amounts are compared of regression models",
    "fairness · Gaps by attribute · F": "flights answers with a class: amounts are compared of regression models",
}
"""By the question's place, or by its place without the dashboard's name or the reference at its end."""


def unexpected(questions: Iterable[Question]) -> list[str]:
    """The questions without an answer for which no reason is known: where they stand, and what they ask."""
    return [f"{one.where}: {one.expression}" for one in questions if not one.result and reason(one.where) is None]


def reason(where: str) -> str | None:
    """Why a question may stay without an answer, if it may.

    >>> reason("drift · annotation Alerts")
    'no alert need fire'
    """
    parts = where.split(" · ")
    spans = (parts[start:end] for start in range(len(parts)) for end in range(start + 1, len(parts) + 1))
    return next((REASONS[name] for name in map(" · ".join, spans) if name in REASONS), None)
