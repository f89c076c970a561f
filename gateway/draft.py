"""A file that somebody edits."""

from __future__ import annotations

import hashlib
from pathlib import Path

_RACY_NS = 2_000_000_000
"""A file system's clock may be this coarse: of two writes within it, the time of change tells one."""

Stamp = tuple[int, int, int]


class Draft:
    """Tells when the file's content has changed, and has stayed so for one look: an editor may be in the midst of writing.

    A file that is not there for a moment, because its editor puts another in its place, has not changed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: Stamp | None = None
        self._seen = self._told = self._digest()

    def changed(self, now_ns: int) -> bool:
        """Whether there is content that was not told of yet; True once for each. now_ns: since the epoch."""
        stamp = self._stamped()
        settled = stamp is not None and stamp == self._stamp and now_ns - stamp[0] > _RACY_NS
        before, self._stamp = self._seen, stamp
        self._seen = before if settled else self._digest()
        if self._seen is None or self._seen != before or self._seen == self._told:
            return False
        self._told = self._seen
        return True

    def _stamped(self) -> Stamp | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _digest(self) -> bytes | None:
        try:
            return hashlib.sha256(self._path.read_bytes()).digest()
        except OSError:
            return None
