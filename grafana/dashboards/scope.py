"""Which part of the traffic a dashboard looks at: its variables, as matchers in every query."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from grafana.dashboards.series import TARGET, Series, known, series

_SELECTOR = re.compile(
    r"\b((?:[a-z]+:)?driftgate_[a-z0-9_]+(?::[a-z0-9_]+)?|ALERTS_FOR_STATE|ALERTS|up)\b(?!\()(?:\{([^{}]*)\})?"
)
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


class Scope(NamedTuple):
    """labels: those that are narrowed by a variable of the same name, besides the target's.

    >>> Scope(("model",)).narrow('sum(rate(driftgate_rows_total{role="primary"}[5m]))')
    'sum(rate(driftgate_rows_total{job=~"$job", instance=~"$instance", model=~"$model", role="primary"}[5m]))'
    """

    labels: tuple[str, ...] = ()

    def narrow(self, expr: str) -> str:
        """The query with a matcher for each variable, wherever a series has that label and the query does not speak of it.

        Raises UnknownSeries.
        """
        return _SELECTOR.sub(lambda found: self._narrowed(series(found[1]), found[2] or ""), expr)

    def without(self, *labels: str) -> Scope:
        """One that does not narrow these."""
        return Scope(tuple(label for label in self.labels if label not in labels))

    def _narrowed(self, found: Series, matchers: str) -> str:
        said = set(_LABEL.findall(matchers))
        own = [matcher for label, matcher in self._matchers(found) if label not in said]
        together = ", ".join([*own, *([matchers] if matchers else [])])
        return f"{found.name}{{{together}}}" if together else found.name

    def _matchers(self, found: Series) -> Iterator[tuple[str, str]]:
        alert = "*" in found.labels
        if found.scraped:
            yield TARGET[0], f'{TARGET[0]}=~"${TARGET[0]}"'
            yield TARGET[1], f'{TARGET[1]}=~"${TARGET[1]}{"|" * alert}"'
        for label in self.labels:
            if label in found.labels:
                yield label, f'{label}=~"${label}"'
            elif alert and label == "model":
                yield label, f'{label}=~"${label}|"'  # those of the whole gateway concern every model


def named(expr: str) -> list[Series]:
    """The series that a query selects, each once, in their order.

    >>> [found.name for found in named("driftgate_journal_bytes / driftgate_journal_limit_bytes")]
    ['driftgate_journal_bytes', 'driftgate_journal_limit_bytes']
    """
    return [known()[name] for name in dict.fromkeys(found[1] for found in _SELECTOR.finditer(expr))]
