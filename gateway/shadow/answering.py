"""The frames of a shadow's answers: the primary's id, time, rows and trace, with the shadow's layout and outputs."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from gateway.journal.frame import Answered, Refused
from gateway.policy import Recipe
from gateway.query import Rows
from gateway.record import Layout
from gateway.shadow.comparison import Comparison, compare
from gateway.shadow.fitting import outputs
from gateway.shadow.outbox import Outbox
from gateway.shadow.running import Answer, Failed
from gateway.tensor import Array

Frames = Sequence[Answered]


class Answering:
    """Writes what a shadow said to primaries of one layout into `outbox`. recipe: of the shadow."""

    def __init__(self, primary: Layout, recipe: Recipe, outbox: Outbox) -> None:
        self._primary = primary
        self._recipe = recipe
        self._outbox = outbox
        theirs = {field.name: (at, field) for at, field in enumerate(primary.inputs)}
        ours = {field.name: field for field in recipe.layout.inputs}
        self._inputs = [  # what is recorded alike is passed on as it stands: half of the cost of a frame otherwise
            (name, encode, theirs[name][0] if name in theirs and theirs[name][1] == ours[name] else None)
            for name, encode in recipe.inputs
        ]
        beyond = {name: at for at, name in enumerate(primary.beyond)}
        self._groups = [beyond.get(name) for name in recipe.layout.beyond]

    def answered(self, frames: Frames, answer: Answer) -> int:
        """Records the answers of requests that were run together; returns how many of them failed."""
        total = sum(frame.rows for frame in frames)
        for place, (frame, start) in enumerate(zip(frames, _starts(frames), strict=True)):
            failed = answer.failed.get(place)
            share = answer.took_ns * frame.rows // total
            if failed is not None:
                self.failed(frame, failed, share)
                continue
            whole = slice(start, start + frame.rows) if self._recipe.layout.batched else slice(None)
            self._record(frame, answer.inputs, answer.outputs, whole, share)
        return len(answer.failed)

    def failed(self, frame: Answered, failed: Failed, took_ns: int = 0) -> None:
        """Records that the shadow did not answer."""
        layout = self._recipe.layout
        code, status = failed
        refused = Refused(
            frame.at, frame.id, frame.trace, layout.model, layout.version, True, frame.route, status, code, took_ns
        )
        self._outbox.add(self._outbox.encode(refused))

    def compared(self, frames: Frames, answer: Answer) -> Comparison:
        """The shadow's answers beside the primary's, of requests that were run together and did not fail."""
        primary, shadow = self._primary, self._recipe.layout
        kept = [frame for place, frame in enumerate(frames) if place not in answer.failed]
        rows = sum(frame.rows for frame in kept)
        ours: dict[str, Array] = {name: answer.outputs[name] for name in (shadow.prediction, shadow.score) if name}
        if answer.failed and shadow.batched:
            starts = _starts(frames)
            chosen = [
                row
                for place, frame in enumerate(frames)
                if place not in answer.failed
                for row in range(starts[place], starts[place] + frame.rows)
            ]
            ours = {name: array[chosen] for name, array in ours.items()}
        if not rows:
            return Comparison()
        theirs = dict(outputs(primary, kept, (primary.prediction, primary.score)))
        found = compare(primary, shadow, theirs, ours, rows)
        found.requests = len(kept)
        found.primary_ns = sum(frame.compute for frame in kept)
        found.shadow_ns = answer.took_ns * rows // sum(frame.rows for frame in frames)
        return found

    def _record(self, frame: Answered, rows: Rows, found: dict[str, Array], part: slice, share: int) -> None:
        recipe = self._recipe
        made = Answered(
            frame.at,
            frame.id,
            frame.trace,
            0,
            True,
            frame.route,
            frame.revision,
            frame.cohort,
            frame.rows,
            0,
            share,
            share,
            [encode(rows[name][part]) if at is None else frame.inputs[at] for name, encode, at in self._inputs],
            [encode(found[name][part]) for name, encode in recipe.outputs],
            [None if at is None else frame.groups[at] for at in self._groups],
        )
        encoded = self._outbox.encode(made)
        if len(encoded) > recipe.max_bytes:
            made = structs.replace(made, inputs=[None] * len(made.inputs))
            encoded = self._outbox.encode(made)
        if len(encoded) > recipe.max_bytes:
            encoded = self._outbox.encode(structs.replace(made, outputs=[None] * len(made.outputs)))
        self._outbox.add(encoded)


def _starts(frames: Frames) -> list[int]:
    """The first row of each request."""
    starts, at = [], 0
    for frame in frames:
        starts.append(at)
        at += frame.rows
    return starts
