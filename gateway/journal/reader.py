"""The reading end of one writer's journal: in order, from where a checkpoint says, while it is being written or after.

What is read is final: a frame is held back until its answer is on its way for sure. When a replica dies, HAProxy sends the
requests that it had not answered to another one; the last quarter second of a dead writer's journal is therefore in doubt,
and given out apart, once those who were asked again have had time to answer.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gateway.journal.frame import HEADER, MAGIC, Answered, Block, Closed, Declared, Frame, Lost, Refused, scan
from gateway.journal.segment import segment_path
from gateway.journal.writer import LOCK
from gateway.record import Layout

HOLD_NS = 250_000_000
"""A frame is final once it is so old: its answer has left, or its writer is dead."""

PATIENCE_NS = 3_000_000_000
"""How long after a writer's death its last frames wait for the answers of those who were asked again."""

FAR = 1 << 63
_SKEWED_NS = 5_000_000_000  # a frame farther in the future than this was written before the clock was set back
_STEP = 256 << 10


class Place(NamedTuple):
    """A segment, counted from 1, and an offset in it: all before it has been read."""

    segment: int
    offset: int


START = Place(1, len(MAGIC))


class Chunk(NamedTuple):
    """Frames in order; answers with the layout that their number stands for.

    doubtful: a dead writer's last ones, which others may have answered again. unreadable: frames that say nothing to us.
    """

    answers: list[tuple[Layout, Answered]]
    refusals: list[Refused]
    lost: list[Lost]
    bytes: int
    doubtful: bool = False
    unreadable: int = 0


class Reader:
    """Reads the journal in `folder` from `place` on.

    behind: whether the last `read` left something that it could have read. reached_ns: when the last frame ended that was.
    torn: how often something stood behind the last whole frame of a segment. missing: segments that were gone before they
    were read. doubt_from: what ended later is in doubt, ns since the epoch; FAR while the writer lives.
    """

    def __init__(self, folder: Path, place: Place = START) -> None:
        self.folder = folder
        self.place = place
        self.finished = False
        self.torn = self.missing = 0
        self._layouts: dict[int, Layout] = {}
        self.behind = False
        self.reached_ns = 0
        self.doubt_from = FAR
        self._died_at = 0
        if place.offset > START.offset:  # layouts are declared before they are used: they may stand before the place
            for _, _, block in self._blocks(Place(place.segment, START.offset), once=True):
                self._declare(block.frames)

    @property
    def doubted(self) -> bool:
        """Whether the writer is dead, and its last frames wait."""
        return bool(self._died_at) and not self.finished and self.doubt_from < FAR

    def read(self, now_ns: int, limit: int = 4 << 20, hold_ns: int = HOLD_NS, patience_ns: int = PATIENCE_NS) -> Chunk:
        """The frames that are final at `now_ns`, about `limit` bytes at most.

        Sets `finished` when there will never be more, and counts in `torn` a last frame that a death cut off. patience_ns: of a
        dead writer's last ones; FAR if it is too early for them, whatever the time.
        """
        # Whether the writer lives is asked before its frames are read: once it is dead, nothing can come after them.
        if not self._died_at and not self._alive():
            self._died_at, self.doubt_from = now_ns, self._last_ended() - HOLD_NS
        if not self._died_at:
            return self._gather(now_ns - hold_ns, now_ns, limit)
        chunk = self._gather(self.doubt_from, now_ns, limit)
        if chunk.bytes or now_ns - self._died_at < (patience_ns if self.doubt_from < FAR else 0):
            return chunk
        chunk = self._gather(FAR, now_ns, limit)._replace(doubtful=True)
        if not chunk.bytes:
            self.finished = True
            self.torn += self._torn()
        return chunk

    def backlog(self) -> int:
        """Bytes that are written and were not read: 0 after a read that met the end, else as the sizes of files have it."""
        if not self.behind:
            return 0
        total = 0
        for path in self.folder.glob("*.journal"):
            number = int(path.stem)
            if number >= self.place.segment:
                total += path.stat().st_size - (self.place.offset if number == self.place.segment else 0)
        return total

    def delete(self, place: Place) -> None:
        """Deletes the segments before `place`, and where the reader has finished, the whole journal."""
        for path in self.folder.glob("*.journal"):
            if int(path.stem) < place.segment or self.finished:
                path.unlink()
        if self.finished:
            for path in self.folder.iterdir():
                path.unlink()
            self.folder.rmdir()

    def _gather(self, until_ns: int, now_ns: int, limit: int) -> Chunk:
        """What ended until then, in the order of the file: behind the first frame that ended later, nothing is taken."""
        chunk, size, unreadable = Chunk([], [], [], 0), 0, 0
        for segment, offset, block in self._blocks(self.place):
            frames, ends = block
            kept = _until(frames, until_ns, now_ns + _SKEWED_NS)
            self._declare(frames[:kept])
            for frame in frames[:kept]:
                if isinstance(frame, Answered) and frame.layout in self._layouts:
                    chunk.answers.append((self._layouts[frame.layout], frame))
                elif isinstance(frame, Refused):
                    chunk.refusals.append(frame)
                elif isinstance(frame, Lost):
                    chunk.lost.append(frame)
                elif frame is None or isinstance(frame, Answered):
                    unreadable += 1
            if kept:
                if segment > self.place.segment:
                    self.torn += self._torn()
                    passed = range(self.place.segment, segment)
                    self.missing += sum(not segment_path(self.folder, number).exists() for number in passed)
                last = frames[kept - 1]
                self.reached_ns = last.ended if isinstance(last, Answered | Refused) else self.reached_ns
                size += ends[kept - 1]
                self.place = Place(segment, offset + ends[kept - 1])
            self.behind = size >= limit
            if kept < len(frames) or self.behind:
                break
        else:
            self.behind = False
        return chunk._replace(bytes=size, unreadable=unreadable)

    def _declare(self, frames: list[Frame | None]) -> None:
        self._layouts.update({frame.number: frame.layout for frame in frames if isinstance(frame, Declared)})

    def _blocks(self, place: Place, once: bool = False) -> Iterator[tuple[int, int, Block]]:
        """Segment, offset and frames of each block from `place` on, as far as they are written. once: of one segment only."""
        number, offset = place
        while True:
            # A next segment is begun only when this one is complete: asked first, so that no frame is passed over.
            following = self._following(number)
            with contextlib.suppress(FileNotFoundError), segment_path(self.folder, number).open("rb") as file:
                for start, block in _read(file.fileno(), offset):
                    yield number, start, block
            if once or following is None:
                return
            number, offset = following, START.offset

    def _following(self, number: int) -> int | None:
        """The next segment that there is: those between may be gone, as when an older `state` was brought back."""
        later = [found for found in self._numbers() if found > number]
        # One that is begun during a listing may be missing in it, even if the one after it is not.
        return number + 1 if segment_path(self.folder, number + 1).exists() else min(later, default=None)

    def _numbers(self) -> list[int]:
        return [int(path.stem) for path in self.folder.glob("*.journal")]

    def _last_ended(self) -> int:
        """When the last frame's request ended, ns since the epoch; beyond FAR if the writer closed its journal: no doubt then."""
        for number in sorted((number for number in self._numbers() if number >= self.place.segment), reverse=True):
            start = self.place if number == self.place.segment else Place(number, START.offset)
            last = FAR
            for frame in (frame for *_, block in self._blocks(start, once=True) for frame in block.frames):
                if isinstance(frame, Closed):
                    return FAR + HOLD_NS
                last = frame.ended if isinstance(frame, Answered | Refused) else last
            if last < FAR:
                return last
        return FAR + HOLD_NS

    def _torn(self) -> bool:
        """Whether something stands behind the last whole frame."""
        try:
            with segment_path(self.folder, self.place.segment).open("rb") as file:
                return any(os.pread(file.fileno(), HEADER.size, self.place.offset))
        except FileNotFoundError:
            return False

    def _alive(self) -> bool:
        try:
            lock = os.open(self.folder / LOCK, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False


def _until(frames: list[Frame | None], until_ns: int, absurd_ns: int) -> int:
    """How many of the frames, from the first on, ended until then."""
    last = frames[-1] if frames else None
    if isinstance(last, Answered | Refused) and last.ended <= until_ns:
        return len(frames)  # they stand in the order in which they ended
    for kept, frame in enumerate(frames):
        if isinstance(frame, Answered | Refused) and until_ns < frame.ended < absurd_ns:
            return kept
    return len(frames)


def _read(descriptor: int, offset: int) -> Iterator[tuple[int, Block]]:
    """Blocks of whole frames of a file from `offset` on, each with its own offset.

    Read, not mapped: the writer cuts a file off when it closes it, and touching a map beyond its file's end is death.
    """
    size = _STEP
    while True:
        raw = memoryview(os.pread(descriptor, size, offset))
        block = scan(raw)
        if block.frames:
            yield offset, block
        read = block.ends[-1] if block.ends else 0
        offset += read
        missing = _missing(raw[read:], os.fstat(descriptor).st_size - offset)
        if not missing:
            return
        size = max(_STEP, missing)


def _missing(rest: memoryview, available: int) -> int:
    """How many bytes to read to have the whole next frame; 0 if it is not there, or there and damaged."""
    if len(rest) < HEADER.size:
        return HEADER.size if len(rest) < available else 0
    length, _ = HEADER.unpack_from(rest)
    whole = HEADER.size + int(length)
    return whole if length and len(rest) < whole <= available else 0
