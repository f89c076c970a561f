"""Which requests were answered after a replica's death: to tell whether its last answers were given again by another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple
from zlib import crc32

import msgspec

from gateway.journal.frame import Answered
from gateway.record import Layout

SPAN_NS = 8_000_000_000
"""Longer than a dead writer's last frames wait (reader.PATIENCE_NS), and than a request is tried again."""

_encode = msgspec.msgpack.Encoder().encode


class _Chunk(NamedTuple):
    """Requests of a model that were answered between two times, ns since the epoch. sums: checksums of their inputs.

    form: which inputs these are, as a checksum too.
    """

    began: int
    ended: int
    model: str
    form: int
    ids: list[str]
    sums: list[int]


class Recent:
    """Requests that have just been read, and those of the seconds after each death of which some answers are still in doubt."""

    def __init__(self, exported: bytes | None = None) -> None:
        self._held: list[_Chunk] = []
        if exported:
            with suppress(msgspec.ValidationError):  # of an earlier driftgate, which had ids alone
                self._held = msgspec.msgpack.decode(exported, type=list[_Chunk])

    def add(self, answers: Iterable[tuple[Layout, Answered]]) -> None:
        """Answers of one chunk, in their order."""
        groups: dict[int, tuple[Layout, list[Answered]]] = {}
        for layout, frame in answers:
            groups.setdefault(id(layout), (layout, []))[1].append(frame)
        for layout, frames in groups.values():
            ids, sums = [frame.id for frame in frames], [crc32(_encode(frame.inputs)) for frame in frames]
            self._held.append(_Chunk(frames[0].ended, frames[-1].ended, layout.model, _form(layout), ids, sums))

    def trim(self, doubts_ns: Iterable[int]) -> None:
        """Keeps what was answered within SPAN_NS of a death. doubts_ns: from when on the answers of each dead are in doubt.

        Call it when all journals have been read to one time. Those who died later answered until then, and nobody for them.
        """
        spans = [(since, since + SPAN_NS) for since in doubts_ns]
        self._held = [
            chunk for chunk in self._held if any(chunk.ended >= low and chunk.began <= high for low, high in spans)
        ]

    def left(self, answers: Sequence[tuple[Layout, Answered]]) -> list[tuple[Layout, Answered]]:
        """Those whose request was not answered once more after it came.

        Clients may give one id to several requests: where the same inputs are recorded of both, they must be equal too.
        """
        latest = self._latest({frame.id for _, frame in answers})
        others = dict.fromkeys({chunk.form for chunk in self._held})
        left = []
        for layout, frame in answers:
            inputs = others | {_form(layout): crc32(_encode(frame.inputs))}
            ended = [latest.get((layout.model, frame.id, *each), -1) for each in inputs.items()]
            if max(ended) < frame.at:
                left.append((layout, frame))
        return left

    def export(self) -> bytes:
        """For the next process."""
        return msgspec.msgpack.encode(self._held)

    def _latest(self, ids: set[str]) -> dict[tuple[str, str, int, int | None], int]:
        """When requests of these ids were answered last, by model, id, form and checksum, None for whatever checksum."""
        found: dict[tuple[str, str, int, int | None], int] = {}
        for chunk in self._held:
            for name, inputs in zip(chunk.ids, chunk.sums, strict=True):
                if name in ids:
                    for key in ((chunk.model, name, chunk.form, inputs), (chunk.model, name, chunk.form, None)):
                        found[key] = max(found.get(key, 0), chunk.ended)
        return found


def _form(layout: Layout) -> int:
    return crc32(_encode(layout.inputs))
