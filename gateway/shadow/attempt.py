"""What a process is about to run, noted where its successor finds it should the run be its death.

ONNX Runtime can end its process: a whole number divided by 0 is a SIGFPE, and no Python runs after that. A run that hangs ends
by the kernel's alarm, which needs nobody's help either.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

Key = tuple[int, str]
"""A request: when it came, ns since the epoch, and its id. Clients choose ids, and use them again."""

ALARMS = (signal.SIGPROF, signal.SIGALRM)
"""Of which a process dies that takes too long."""

_IDLE = 20
_LENGTH = struct.Struct("<I")


class Note(NamedTuple):
    """What was being run. began: ns since the epoch. keys: the requests; none while the version was being loaded."""

    began: int
    keys: list[Key]


class Attempt:
    """The note of one process, in the file `path`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def left(self) -> Note | None:
        """What a process before this one was running when it died."""
        head = os.pread(self._file, _LENGTH.size, 0)
        length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
        if not length:
            return None
        return msgspec.msgpack.decode(os.pread(self._file, length, _LENGTH.size), type=Note)

    @contextlib.contextmanager
    def running(self, keys: Sequence[Key], timeout_s: float) -> Iterator[None]:
        """While the block runs it is noted. 15 µs for a batch of 256.

        Beyond `timeout_s` of processor time the process dies of SIGPROF: on a busy machine it may wait for long, through no
        fault of its own. One that does not even compute dies of SIGALRM, after twenty times as long.
        """
        payload = msgspec.msgpack.encode(Note(time.time_ns(), list(keys)))
        os.pwrite(self._file, _LENGTH.pack(len(payload)) + payload, 0)
        signal.setitimer(signal.ITIMER_PROF, timeout_s)
        signal.setitimer(signal.ITIMER_REAL, timeout_s * _IDLE)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.clear()

    def clear(self) -> None:
        """Nothing is being run."""
        os.pwrite(self._file, bytes(_LENGTH.size), 0)

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._file)
