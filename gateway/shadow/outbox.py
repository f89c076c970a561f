"""What a shadow has answered, on its way to the observer: a small journal of its own for each checkpoint.

The journal is written under a hidden name, which readers pass over; then the checkpoint names it; then it gets its real name. A
process that dies before the checkpoint leaves a hidden journal that nobody will see, and its primaries are run again; one that
dies after it has its successor give the journal its name. So each answer is visible exactly if its primary is accounted for.
"""

from __future__ import annotations

import os
import shutil
import zlib
from pathlib import Path

import msgspec

from gateway.identifier import uuid7
from gateway.journal.frame import HEADER, MAGIC, Closed, Declared, Frame
from gateway.journal.segment import bytes_of, segment_path
from gateway.record import Layout

_UUID = 36


class Outbox:
    """Below the folder `journals`. name: of the shadow; its journals are called after it. most: bytes of all journals."""

    def __init__(self, journals: Path, name: str, most: int) -> None:
        self._journals = journals
        self._name = name
        self._most = most
        self._encoder = msgspec.msgpack.Encoder()
        self._frames: list[bytes] = []
        self._layout: Layout | None = None
        self.bytes = 0
        self.requests = 0

    def recover(self, published: str) -> None:
        """Gives the journal that the last checkpoint named its name, if that is outstanding; the others never were."""
        for draft in self._journals.glob(f".{self._name}-*"):
            if draft.name == f".{published}":
                self.reveal(published)
            elif len(draft.name) == len(self._name) + _UUID + 2:  # else another's, whose name begins like this one's
                shutil.rmtree(draft)

    def declare(self, layout: Layout) -> None:
        """The layout of all answers from now on. Call it only when nothing waits."""
        self._layout = layout

    def encode(self, frame: Frame) -> bytes:
        """The frame as it stands in a journal."""
        payload = self._encoder.encode(frame)
        return HEADER.pack(len(payload), zlib.crc32(payload)) + payload

    def add(self, encoded: bytes) -> None:
        """Takes an answer or a refusal."""
        self._frames.append(encoded)
        self.bytes += len(encoded)
        self.requests += 1

    def stage(self, now_ns: int) -> str | None:
        """Writes what waits under a hidden name, durably; its name. None if the journals, or the disk, have no room for it."""
        name = f"{self._name}-{uuid7()}"
        declared = [self.encode(Declared(0, self._layout))] if self._layout else []
        content = b"".join((MAGIC, *declared, *self._frames, self.encode(Closed(now_ns))))
        if bytes_of(self._journals) + len(content) > self._most:
            return None
        draft = self._journals / f".{name}"
        try:
            draft.mkdir(mode=0o700, parents=True)
            descriptor = os.open(segment_path(draft, 1), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            return None
        return name

    def reveal(self, name: str) -> None:
        """From now on readers see it."""
        (self._journals / f".{name}").rename(self._journals / name)

    def clear(self) -> None:
        """What waited is written, or given up."""
        self._frames.clear()
        self.bytes = self.requests = 0
