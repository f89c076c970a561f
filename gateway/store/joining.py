"""Labels meet the rows that they belong to, whichever came first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gateway.record import Answers, Layout, Role
from gateway.store.buffer import Batch, Buffer
from gateway.store.catalogue import Catalogue
from gateway.store.columns import CONSTANT, LABEL, LABEL_TIME, Label, columns, fit_label
from gateway.store.expected import Event, Expected
from gateway.store.index import Rows, checksums
from gateway.store.part import Part, epoch_us, read_rows
from gateway.store.quota import Quota
from gateway.store.rows import answers_of
from gateway.store.shelf import Shelf

Outcome = Literal["joined", "corrected", "unchanged", "invalid", "waiting", "unknown"]

_RANK: dict[Outcome, int] = {"invalid": 0, "unchanged": 1, "joined": 2, "corrected": 3}
"""A label that meets several rows counts once, as the highest of what they say."""

_Place = tuple[str, int]
"""A request id, and the row in the request."""

_Fit = tuple[Label | None, Label | None, Event]
"""Of several labels the first and the last that fit a layout, and the event of the last."""


@dataclass(frozen=True, eq=False, slots=True)
class Joined:
    """Rows of one layout and role that have a label now, or another one than before.

    answers: the rows, as `rows.answers_of` gives them. labels [n], of the layout's type; previous [n]: the label that it
    replaces, None for the first. time, received: int64 [n], ns, when it became true and when it was accepted.
    """

    answers: Answers
    labels: list[Label]
    previous: list[Label | None]
    time: NDArray[np.int64]
    received: NDArray[np.int64]


class Joiner:
    """Finds the rows of labels in the buffer and on the shelf. outcomes: how many labels each outcome has had.

    A label that waits counts as `waiting` when it comes, and again as `joined` or `unknown` when that is decided.
    """

    def __init__(self, catalogue: Catalogue, shelf: Shelf, buffer: Buffer, expected: Expected) -> None:
        self._catalogue, self._shelf, self._buffer, self._expected = catalogue, shelf, buffer, expected
        self.outcomes: Counter[Outcome] = Counter()

    def label(self, events: Iterable[Event]) -> list[Joined]:
        """Joins labels, in their order, with the rows that there are, and keeps those that have none yet."""
        return [joined for meeting in _meetings(events) for joined in self._label(meeting)]

    def meet(self, batch: Batch) -> list[Joined]:
        """Joins rows that have just come with the labels that came before them."""
        ids = batch.table.column("request_id")
        found = self._expected.match(batch.layout.model, ids, batch.hashes)
        stored = self._stored(batch) if batch.role == "shadow" else {}
        events = {**stored, **{(event.id, event.row): event for event, _ in found}}
        if not events:
            return []
        meeting = _Meeting(batch.layout.model, events)
        rows = np.flatnonzero(pc.is_in(ids, pa.array([name for name, _ in events])).to_numpy())
        self._in_buffer(batch, rows, meeting)
        late = {*stored, *((event.id, event.row) for event, had_met in found if had_met)}
        self.outcomes.update(outcome for place, outcome in meeting.outcomes.items() if place not in late)
        return meeting.joined()

    def _stored(self, batch: Batch) -> dict[_Place, Event]:
        """The labels that primaries of a shadow's rows have, where these come so late that none is expected any more."""
        times = epoch_us(batch.table.column("time"))
        old = np.flatnonzero(times <= self._expected.expired // 1000)
        if not len(old):
            return {}
        model, span = batch.layout.model, (int(times[old].min()), int(times[old].max()))
        ids = sorted(set(batch.table.column("request_id").take(pa.array(old)).to_pylist()))
        return {
            (event.id, event.row): event
            for part, _, rows in self._shelf.find(model, ids, checksums(ids), span=span)
            if part.key.role == "primary"
            for event in self._labels(part, rows)
        }

    def _labels(self, part: Part, rows: Rows) -> Iterator[Event]:
        """The labels of rows of a part, as if they came now."""
        layout = part.key.layout
        assert layout is not None
        table = read_rows(self._shelf.path(part), rows, ["request_id", "row", LABEL, LABEL_TIME])
        overlay = self._catalogue.labels(part.number, rows.tolist())
        times = table.column(LABEL_TIME).cast(pa.int64())
        columns = (table.column("request_id"), table.column("row"), table.column(LABEL), times)
        for row, name, number, written, at in zip(rows.tolist(), *(each.to_pylist() for each in columns), strict=True):
            label, time = overlay.get(row) or (written, (at or 0) * 1000)
            if label is not None:
                value = msgspec.json.decode(str(label)) if layout.task == "other" else label
                yield Event(0, layout.model, name, number, value, time, time)

    def _label(self, meeting: _Meeting) -> list[Joined]:
        parts, batches = self._newest(meeting)
        for part, rows in reversed(parts):  # in order of time, as monitors like them
            self._in_part(part, rows, meeting)
        for batch, rows in reversed(batches):
            self._in_buffer(batch, rows, meeting)
        events = meeting.events
        self._expected.add(list(events.values()), [place in meeting.outcomes for place in events])
        self.outcomes.update(meeting.outcomes.get(place, "waiting") for place in events)
        for place, several in meeting.several.items():
            self.outcomes.update(meeting.further.get(place) or ["waiting"] * (len(several) - 1))
        return meeting.joined()

    def _newest(self, meeting: _Meeting) -> tuple[list[tuple[Part, Rows]], list[tuple[Batch, Rows]]]:
        """Where rows of these labels' requests are, the newest first; no more of them than the quota allows."""
        ids = sorted({name for name, _ in meeting.events})
        hashes, quota = checksums(ids), Quota(len(ids))
        parts: list[tuple[Part, Rows]] = []
        batches: list[tuple[Batch, Rows]] = []
        for batch, which, rows in reversed(list(self._buffer.find(meeting.model, ids, hashes))):
            numbers = batch.table.column("row")
            taken = quota.take(which, lambda: numbers.to_numpy()[rows])  # noqa: B023 - called at once
            batches += [(batch, rows[taken])] if taken.any() else []
        for part, which, rows in self._shelf.find(meeting.model, ids, hashes, wanted=quota.left):
            path = self._shelf.path(part)
            taken = quota.take(which, lambda: read_rows(path, rows, ["row"]).column(0).to_numpy())  # noqa: B023
            parts.append((part, rows[taken]))
        return parts, batches

    def _in_buffer(self, batch: Batch, rows: Rows, meeting: _Meeting) -> None:
        table = batch.table.take(pa.array(rows))
        before = [batch.labels[row][0] if row in batch.labels else None for row in rows.tolist()]
        for place, label in meeting.take(table, before, batch.layout, batch.role).items():
            batch.labels[int(rows[place])] = label

    def _in_part(self, part: Part, rows: Rows, meeting: _Meeting) -> None:
        layout, role = part.key.layout, part.key.role
        assert layout is not None
        assert role is not None
        wanted = [name for name in columns(layout).schema.names if name not in CONSTANT and name != LABEL_TIME]
        table = read_rows(self._shelf.path(part), rows, wanted)
        overlay = self._catalogue.labels(part.number, rows.tolist())
        written = table.column(LABEL).to_pylist()
        before = [overlay[row][0] if row in overlay else one for row, one in zip(rows.tolist(), written, strict=True)]
        taken = meeting.take(table.drop_columns([LABEL]), before, layout, role)
        if taken:
            received = min(event.received for event in meeting.events.values())
            self._catalogue.set_labels(
                part.number, {int(rows[place]): label for place, label in taken.items()}, received
            )


@dataclass(eq=False, slots=True)
class _Gathered:
    """Rows of one layout and role, found in several places, with what each is given."""

    tables: list[pa.Table] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    previous: list[Label | None] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class _Meeting:
    """Labels of one model, the last for each row of a request, and the rows that they have met.

    several: all labels of a place, in their order, where there is more than one: only the last has its effect. outcomes: by
    place, of the only label, or of the first of several; further: of the others of these.
    """

    def __init__(self, model: str, events: dict[_Place, Event]) -> None:
        self.model = model
        self.events = events
        self.several: dict[_Place, list[Event]] = {}
        self.outcomes: dict[_Place, Outcome] = {}
        self.further: dict[_Place, list[Outcome]] = {}
        self._fits: dict[Layout, dict[_Place, _Fit]] = {}
        self._gathered: dict[tuple[Layout, Role], _Gathered] = {}

    def add(self, event: Event) -> None:
        """One more, after all others."""
        place = (event.id, event.row)
        before = self.events.get(place)
        if before is not None:
            self.several.setdefault(place, [before]).append(event)
        self.events[place] = event

    def take(
        self, table: pa.Table, before: Sequence[Label | None], layout: Layout, role: Role
    ) -> dict[int, tuple[Label, int]]:
        """Decides for each row of the table, whose labels are `before`. The new labels and their times, by row."""
        taken: dict[int, tuple[Label, int]] = {}
        into = self._gathered.setdefault((layout, role), _Gathered())
        fits = self._fits.setdefault(layout, {})
        places = zip(table.column("request_id").to_pylist(), table.column("row").to_pylist(), strict=True)
        for row, place in enumerate(places):
            event = self.events.get(place)
            if event is None:
                continue
            if place in self.several:
                first, label, event = fits.get(place) or fits.setdefault(place, self._fit(place, layout))
            else:
                first = label = fit_label(event.label, layout)
            previous = before[row]
            self._say(place, _outcome(first, previous))
            if label is not None and label != previous:
                taken[row] = (label, event.time)
                into.labels.append(label)
                into.previous.append(previous)
                into.events.append(event)
        if taken:
            into.tables.append(table.take(pa.array(list(taken))))
        return taken

    def joined(self) -> list[Joined]:
        """The rows that have a label now."""
        return [
            Joined(
                answers_of(pa.concat_tables(found.tables), layout, role),
                found.labels,
                found.previous,
                np.array([event.time for event in found.events], np.int64),
                np.array([event.received for event in found.events], np.int64),
            )
            for (layout, role), found in self._gathered.items()
            if found.tables
        ]

    def _fit(self, place: _Place, layout: Layout) -> _Fit:
        events = self.several[place]
        labels = [fit_label(event.label, layout) for event in events]
        fitting = [at for at, label in enumerate(labels) if label is not None] or [0]
        invalid: list[Outcome] = ["invalid"] * (len(events) - len(fitting))
        self.further[place] = invalid + [_outcome(labels[at], labels[before]) for before, at in pairwise(fitting)]
        return labels[fitting[0]], labels[fitting[-1]], events[fitting[-1]]

    def _say(self, place: _Place, outcome: Outcome) -> None:
        said = self.outcomes.get(place)
        if said is None or _RANK[outcome] > _RANK[said]:
            self.outcomes[place] = outcome


def _outcome(label: Label | None, previous: Label | None) -> Outcome:
    if label is None:
        return "invalid"
    if label == previous:
        return "unchanged"
    return "joined" if previous is None else "corrected"


def _meetings(events: Iterable[Event]) -> Collection[_Meeting]:
    """The events of each model, in their order."""
    together: dict[str, _Meeting] = {}
    for event in events:
        meeting = together.get(event.model)
        if meeting is None:
            meeting = together[event.model] = _Meeting(event.model, {})
        meeting.add(event)
    return together.values()
