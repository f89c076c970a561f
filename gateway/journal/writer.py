"""The writing end of a journal: one for each process that answers."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import zlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from gateway.identifier import uuid7
from gateway.journal.frame import HEADER, MAGIC, Closed, Declared, Frame, Lost
from gateway.journal.segment import Segment, bytes_of, segment_path
from gateway.record import Layout

LOCK = "writer.lock"
_FIRST_ROOM = 4096  # of the buffer in which frames are put together


class Bounds(NamedTuple):
    """segment: bytes of one file. total: of all journals below one folder together."""

    segment: int
    total: int


class Journal:
    """An append-only record below `folder`, in a folder of its own that is locked as long as the writer lives.

    Not safe for threads: it belongs to an event loop.
    """

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        self._all = folder
        self._bounds = bounds
        self._folder, self._lock = _claim(folder)
        self._encoder = msgspec.msgpack.Encoder()
        self._buffer = bytearray(_FIRST_ROOM)
        self._declared: dict[int, Layout] = {}
        self._segment: Segment | None = None
        self._number = self._fresh = 0
        self._lost = 0
        self._lost_since = 0
        self.full = False
        self.lost = 0
        self.make_room()

    @property
    def name(self) -> str:
        """The name of its folder: unique, and in the order of creation, to the millisecond."""
        return self._folder.name

    def declare(self, number: int, layout: Layout) -> None:
        """From now on, answers may name the layout by `number`."""
        self._declared[number] = layout
        segment = self._segment
        if segment is None or segment.append(self.encode(Declared(number, layout))):
            return  # where there is no segment, the next one declares it
        self.full = self.full or not self._rotate(0)
        if self.full:
            segment.seal()  # an answer may be smaller than its layout, and nobody could read it

    def withdraw(self, number: int) -> None:
        """No answer will name that layout any more."""
        self._declared.pop(number, None)

    def append(self, frame: Frame) -> bool:
        """Writes a frame; False if there is no room, which is counted."""
        return self.append_encoded(self.encode(frame))

    def encode(self, frame: Frame) -> bytearray:
        """The frame as it will stand in the journal. Valid until the next call: the buffer is used again."""
        buffer = self._buffer
        self._encoder.encode_into(frame, buffer, HEADER.size)
        payload = memoryview(buffer)[HEADER.size :]
        HEADER.pack_into(buffer, 0, len(payload), zlib.crc32(payload))
        payload.release()
        return buffer

    def append_encoded(self, frame: bytearray) -> bool:
        """Writes what `encode` gave."""
        segment = self._segment
        if segment is not None and segment.append(frame):
            return True
        kept = bytes(frame)  # rotating writes frames of its own, in the same buffer
        # Full stays full until `make_room` looks: a look at the disk for each request would cost more than the request.
        if not self.full and self._rotate(len(kept)) and self._segment is not None and self._segment.append(kept):
            return True
        self.full = True
        self.lose()
        return False

    def lose(self) -> None:
        """Counts an exchange that cannot be recorded; the next segment says how many there were."""
        self.lost += 1
        self._lost += 1
        self._lost_since = self._lost_since or time.time_ns()

    def make_room(self) -> bool:
        """Looks whether a journal that was full has room again, and says how much was lost meanwhile."""
        if self.full or self._segment is None:
            self.full = not self._rotate(0)
        return not self.full

    def renew(self) -> None:
        """Goes on in a new segment, if something was written to this one: what is not read any more can then be deleted."""
        if self._segment is not None and self._segment.used > self._fresh and not self.full:
            self._rotate(0)

    def close(self) -> None:
        """Ends the journal: whoever reads it knows that nothing is missing, or how much. What comes after is lost."""
        end = self._loss() + self.encode(Closed(time.time_ns()))
        if self._segment is None or not self._segment.append(end):
            with contextlib.suppress(OSError):
                self._begin(len(MAGIC) + len(end)).append(end)  # beyond the bounds, so that what was lost is known
        if self._segment is not None:
            self._segment.close()
            self._segment = None
        self._bounds, self.full = Bounds(0, 0), True
        os.close(self._lock)

    def _rotate(self, room: int) -> bool:
        """Goes on in a new segment with at least `room` bytes; False if the bounds or the disk do not allow it."""
        last = self._segment
        spare = last.size - last.used if last is not None else 0
        overhead = 4096 + sum(len(self.encode(Declared(*item))) for item in self._declared.items())
        size = max(self._bounds.segment, room + overhead)
        if bytes_of(self._all) - spare + size > self._bounds.total:
            return False
        try:
            segment = self._begin(size)
        except OSError:
            return False
        for number, layout in self._declared.items():
            segment.append(self.encode(Declared(number, layout)))
        segment.append(self._loss())
        self._fresh = segment.used
        return True

    def _begin(self, size: int) -> Segment:
        """A new segment in the place of the last one, which is closed only once there is another. Raises OSError."""
        segment = Segment(segment_path(self._folder, self._number + 1), size)
        last, self._segment = self._segment, segment
        self._number += 1
        if last is not None:
            last.close()
        return segment

    def _loss(self) -> bytes:
        """What was lost and not said yet, as a frame; nothing if there is none."""
        if not self._lost:
            return b""
        frame = bytes(self.encode(Lost(self._lost, self._lost_since, time.time_ns())))
        self._lost = self._lost_since = 0
        return frame


def _claim(folder: Path) -> tuple[Path, int]:
    """A new folder below `folder`, and the descriptor of its lock: it is not seen by readers before it is locked."""
    name = uuid7()
    draft, final = folder / f".{name}", folder / name
    draft.mkdir(parents=True, mode=0o700)
    lock = os.open(draft / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    draft.rename(final)
    return final, lock
