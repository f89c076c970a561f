"""What a report is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.errors import NotFound
from gateway.report.period import Period
from gateway.report.reading import iso
from gateway.store.part import Part


@dataclass(frozen=True, slots=True)
class Question:
    """versions: only these; empty: all that are recorded."""

    model: str
    period: Period = field(default_factory=Period)
    versions: tuple[int, ...] = ()

    def parts(self, known: Sequence[Part]) -> list[Part]:
        """Those of the model's parts that may hold an answer to it."""
        return [
            part
            for part in known
            if (not self.versions or version_of(part) in self.versions)
            and self.period.meets(part.begin * 1000, part.end * 1000)
        ]

    def unanswered(self, known: Sequence[Part]) -> NotFound:
        """Why there is nothing to tell. known: all parts of the model."""
        if not known:
            return NotFound(f'nothing is recorded of model "{self.model}"')
        versions = sorted({version_of(part) for part in known})
        if self.versions and not set(self.versions) & set(versions):
            return NotFound(
                f"nothing is recorded of version {', '.join(map(str, self.versions))} of {self.model}; "
                f"there are {', '.join(map(str, versions))}"
            )
        begin, end = min(part.begin for part in known) * 1000, max(part.end for part in known) * 1000
        since = "" if self.period.begin is None else f" from {_said(self.period.begin)}"
        until = "" if self.period.end is None else f" until {_said(self.period.end)}"
        return NotFound(
            f"{self.model}: nothing came{since}{until}; what is recorded lies between {_said(begin)} and {_said(end)} (UTC)"
        )


def version_of(part: Part) -> int:
    """The version that answered the rows of a part."""
    return part.key.layout.version if part.key.layout else 0


def _said(time: int) -> str:
    return iso(time)[:19].replace("T", " ")
