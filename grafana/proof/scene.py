"""A dashboard with everything that is needed to draw it: variables in their places, and what Prometheus answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from grafana.proof.answers import Answers, Period, Series
from grafana.proof.board import Json, least_step, marks, opened, points, targets
from grafana.proof.choice import Choices, asked, choices, substitute
from grafana.proof.interval import period, rate_interval, spell


class Question(NamedTuple):
    """One query as it was put. where: dashboard, panel and reference, for people. moment: at the end only."""

    where: str
    expression: str
    moment: bool
    result: list[Series]


class View(NamedTuple):
    """How a dashboard is looked at: from when to when, in seconds; preferred: values of variables by name."""

    start: float
    end: float
    scrape_s: float
    preferred: Mapping[str, str]


class Scene(NamedTuple):
    """What is drawn, and what was asked for it."""

    drawing: Json
    questions: list[Question]


def scene(name: str, dashboard: Json, answers: Answers, view: View) -> Scene:
    """Asks all that a dashboard asks. The drawing is JSON: the dashboard's own, with `results` in each target."""
    return _Asking(name, dashboard, answers, view).all()


class _Asking:
    def __init__(self, name: str, dashboard: Json, answers: Answers, view: View) -> None:
        self._name, self._dashboard, self._answers, self._view = name, dashboard, answers, view
        self._found: Choices = {}
        self._questions: list[Question] = []

    def all(self) -> Scene:
        view, dashboard = self._view, self._dashboard
        whole = period(view.start, view.end, 1000, view.scrape_s)
        self._found = choices(dashboard, self._answers, whole, view.preferred)
        for variable in dashboard.get("templating", {}).get("list", []):
            if variable["type"] == "query":
                self._note(f"variable {variable['name']}", asked(variable), variable["name"])
        drawing = {
            "name": self._name,
            "title": dashboard["title"],
            "links": [link.get("title", "") for link in dashboard.get("links", [])],
            "start": view.start * 1000,
            "end": view.end * 1000,
            "variables": [
                {"name": name, "label": one.label, "text": one.text}
                for name, one in self._found.items()
                if not one.hidden
            ],
            "panels": [self._panel(panel) for panel in opened(dashboard)],
            "annotations": [self._annotation(one, whole) for one in marks(dashboard)],
        }
        return Scene(drawing, self._questions)

    def _note(self, where: str, text: str, name: str) -> None:
        chosen = self._found[name]
        result: list[Series] = [{"metric": {"value": value}} for value in chosen.values if value]
        self._questions.append(Question(f"{self._name} · {where}", text, True, result))

    def _panel(self, panel: Json) -> Json:
        view = self._view
        asked_over = period(view.start, view.end, points(panel), max(view.scrape_s, least_step(panel)))
        drawn: Json = {key: self._worded(panel[key]) for key in ("title", "description", "options") if key in panel}
        results = [self._target(panel, target, asked_over) for target in targets(panel)]
        return {**panel, **drawn, "targets": results}

    def _target(self, panel: Json, target: Json, over: Period) -> Json:
        expression = substitute(target["expr"], self._found, self._builtin(over))
        moment = bool(target.get("instant")) and not target.get("range")
        where = f"{self._name} · {panel.get('title', '?')} · {target.get('refId', '?')}"
        answers = self._answers
        result = answers.at(expression, self._view.end) if moment else answers.over(expression, over)
        self._questions.append(Question(where, expression, moment, result))
        legend = target.get("legendFormat") or "__auto"
        asked_as = {"expr": expression, "moment": moment, "step": over.step, "legendFormat": self._worded(legend)}
        return {**target, **asked_as, "result": result}

    def _annotation(self, annotation: Json, over: Period) -> Json:
        expression = substitute(annotation["expr"], self._found, self._builtin(over))
        result = self._answers.over(expression, over)
        self._questions.append(Question(f"{self._name} · annotation {annotation['name']}", expression, False, result))
        return {**annotation, "expr": expression, "step": over.step, "result": result}

    def _builtin(self, over: Period) -> dict[str, str]:
        view = self._view
        length = view.end - view.start
        return {
            "__interval": spell(over.step),
            "__interval_ms": f"{over.step * 1000:g}",
            "__rate_interval": spell(rate_interval(over.step, view.scrape_s)),
            "__range": spell(round(length)),
            "__range_s": f"{round(length)}",
            "__range_ms": f"{round(length) * 1000}",
        }

    def _worded(self, content: Any) -> Any:
        """Text with the variables' values as people read them, at any depth."""
        if isinstance(content, str):
            return substitute(content, self._found, {}, "text")
        if isinstance(content, list):
            return [self._worded(part) for part in content]
        if isinstance(content, dict):
            return {key: self._worded(part) for key, part in content.items()}
        return content
