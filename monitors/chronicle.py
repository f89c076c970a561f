"""What is remembered of closed windows: the newest of each kind, the last some hundred, and what was in the newest."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from monitors.checkpoint import pack, unpack
from monitors.judgement import Window
from monitors.monitor import Monitor, State
from monitors.portrait import Portrait


class Chronicle:
    """newest: judged windows by what they are about. portrait: of the newest that had answers. most: windows of answers that
    are kept, packed, in order of time."""

    def __init__(self, most: int) -> None:
        self.newest: dict[str, Window] = {}
        self.portrait: Portrait | None = None
        self._windows: deque[tuple[int, bytes]] = deque(maxlen=most)

    def add(self, window: Window, monitors: Sequence[Monitor], states: Sequence[State]) -> None:
        """Keeps a window of answers that has just closed, of whose rows the monitors have these states."""
        self._windows.append((window.start, pack(window.dump())))
        if window.n:
            self.portrait = Portrait.of(window, monitors, states)

    def last(self, most: int) -> Iterator[Window]:
        """The newest windows of answers, in order of time."""
        return (Window.load(unpack(blob)) for _, blob in list(self._windows)[-most:])

    def dump(self) -> dict[str, Any]:
        """All of it as plain trees."""
        return {
            "latest": {about: window.dump() for about, window in self.newest.items()},
            "history": [list(entry) for entry in self._windows],
            "portrait": self.portrait and self.portrait.dump(),
        }

    def load(self, tree: dict[str, Any], monitors: Sequence[Monitor]) -> None:
        """Takes over what `dump` gave; older ones have no portrait. monitors: those that portray."""
        self.newest = {about: Window.load(window) for about, window in tree["latest"].items()}
        self._windows.extend((start, blob) for start, blob in tree["history"])
        portrait = tree.get("portrait")
        self.portrait = Portrait.load(portrait, monitors) if portrait else None
