"""Variables of a dashboard: their values, found as Grafana finds them, and put in their places."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from grafana.proof.answers import Answers, Period
from grafana.proof.errors import ProofError

_REFERENCE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)|\[\[(\w+)(?::(\w+))?\]\]")
_SPECIAL = re.compile(r"[\[\]$^*{}'+?.()|\\]")
_LABEL_VALUES = re.compile(r"label_values\(\s*(?:(?P<selector>.+?)\s*,\s*)?(?P<label>\w+)\s*\)", re.DOTALL)


class Choice(NamedTuple):
    """What a variable stands for now. values: one, or several; every: stands for all of them where it is given (`.+`)."""

    values: tuple[str, ...]
    every: str | None = None
    label: str = ""
    hidden: bool = False
    several: bool = False

    @property
    def text(self) -> str:
        """As titles say it."""
        return "All" if self.every is not None else " + ".join(self.values)

    def spelled(self, form: str | None) -> str:
        """As PromQL has it, or in another form that a reference asks for."""
        if form == "text":
            return self.text
        if self.every is not None:
            return self.every
        match form:
            case None if not self.several:
                return "|".join(self.values).replace("\\", r"\\").replace('"', r"\"")
            case None | "regex":
                escaped = [_SPECIAL.sub(lambda found: "\\\\" + found[0], value) for value in self.values]
                return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
            case "pipe":
                return "|".join(self.values)
            case "csv" | "raw":
                return ",".join(self.values)
        raise ProofError(f"a variable is wanted as {form!r}; known are regex, pipe, csv, raw and text")


Choices = Mapping[str, Choice]


def choices(dashboard: Mapping[str, Any], answers: Answers, period: Period, preferred: Mapping[str, str]) -> Choices:
    """The value of each variable: the preferred one if there is such an option, all where that is offered, or the first."""
    found: dict[str, Choice] = {}
    for variable in dashboard.get("templating", {}).get("list", []):
        name = variable["name"]
        found[name] = _choose(variable, _options(variable, found, answers, period), preferred.get(name))
    return found


def substitute(text: str, found: Choices, builtin: Mapping[str, str], form: str | None = None) -> str:
    """The text with each variable's value in its place; what is no variable of ours stays. form: unless a place names one.

    >>> substitute("m{model=~\\"$model\\"}[$__range]", {"model": Choice(("a.b",), several=True)}, {"__range": "1h"})
    'm{model=~"a\\\\\\\\.b"}[1h]'
    """

    def value(reference: re.Match[str]) -> str:
        name = reference[1] or reference[3] or reference[4]
        if name in builtin:
            return builtin[name]
        return found[name].spelled(reference[2] or reference[5] or form) if name in found else reference[0]

    return _REFERENCE.sub(value, text)


def asked(variable: Mapping[str, Any]) -> str:
    """The query of a variable that has one."""
    query = variable["query"]
    return str(query["query"] if isinstance(query, Mapping) else query)


def _choose(variable: Mapping[str, Any], options: list[str], preferred: str | None) -> Choice:
    label, hidden = variable.get("label") or variable["name"], variable.get("hide", 0) == 2
    several = bool(variable.get("multi") or variable.get("includeAll"))
    if preferred in options:
        return Choice((str(preferred),), None, label, hidden, several)
    if not options:
        return Choice(("",), variable.get("allValue") or None, label, hidden, several)
    current = variable.get("current", {}).get("value")
    first = current[0] if isinstance(current, list) and current else current
    if variable.get("includeAll") and (first in (None, "$__all") or first not in options):
        return Choice(tuple(options), variable.get("allValue") or None, label, hidden, several)
    return Choice((str(first) if first in options else options[0],), None, label, hidden, several)


def _options(variable: Mapping[str, Any], found: Choices, answers: Answers, period: Period) -> list[str]:
    match variable["type"]:
        case "query":
            return _queried(variable, found, answers, period)
        case "datasource":
            return ["Prometheus"]
        case "custom" | "interval" | "constant" | "textbox":
            values = [part.strip() for part in str(variable.get("query") or "").split(",")]
            return [re.split(r"\s+:\s+", value)[-1] for value in values]
    raise ProofError(f"variable {variable['name']}: type {variable['type']!r} is not known here")


def _queried(variable: Mapping[str, Any], found: Choices, answers: Answers, period: Period) -> list[str]:
    text = asked(variable)
    labels = _LABEL_VALUES.fullmatch(text.strip())
    if labels is None:
        raise ProofError(f"variable {variable['name']}: {text!r} is not of the form label_values(selector, label)")
    selector = labels["selector"]
    values = answers.values(labels["label"], selector and substitute(selector, found, {}), period)
    return _filtered(values, variable.get("regex") or "")


def _filtered(values: list[str], pattern: str) -> list[str]:
    if not pattern:
        return values
    search: Callable[[str], re.Match[str] | None] = re.compile(pattern.strip("/")).search
    return [match[1] if match.groups() else match[0] for match in map(search, values) if match]
