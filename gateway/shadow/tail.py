"""The primaries of one model, from all journals, each once, as they become final."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway.identifier import format_uuid7
from gateway.journal.frame import Answered
from gateway.journal.places import DERIVED, DONE
from gateway.journal.reader import FAR, HOLD_NS, PATIENCE_NS, START, Chunk, Place, Reader
from gateway.observer.recent import Recent
from gateway.record import Layout

Primary = tuple[Layout, Answered]

_AT_ONCE = 1 << 20  # bytes of each journal: what is read is held in memory until it is shadowed


class Tail:
    """Reads on from `places`. gaps: segments of journals begun after `since_ns` that were deleted before they were read.

    moved: whether the last `read` read anything, be it of other models.
    """

    def __init__(
        self, journals: Path, model: str, since_ns: int, places: Mapping[str, Place], recent: bytes | None
    ) -> None:
        self._journals = journals
        self._model = model
        self._owed_from = format_uuid7(since_ns // 1_000_000, bytes(10))
        self._kept = dict(places)
        self._readers: dict[str, Reader] = {}
        self._recent = Recent(recent)
        self.gaps = 0
        self.moved = False

    def read(self, now_ns: int, hold_ns: int = HOLD_NS, patience_ns: int = PATIENCE_NS) -> list[Primary]:
        """What is new and final at `now_ns`, about 1 MiB from each journal at most. See Reader.read."""
        self._discover()
        self.moved = False
        there = [reader for name, reader in list(self._readers.items()) if self._there(name, reader)]
        found = [one for reader in there for one in self._read_on(reader, now_ns, hold_ns, FAR)]
        if not self.behind:
            # What is in doubt comes last, the latest deaths first: see Fold.
            doubted = [reader for reader in there if reader.doubted]
            for reader in sorted(doubted, key=lambda reader: reader.doubt_from, reverse=True):
                found += self._read_on(reader, now_ns, hold_ns, patience_ns)
        self._recent.trim(reader.doubt_from for reader in self._readers.values() if reader.doubted)
        return found

    @property
    def places(self) -> dict[str, Place]:
        """How far each journal has been read."""
        return {**self._kept, **{name: reader.place for name, reader in self._readers.items()}}

    @property
    def behind(self) -> bool:
        """Whether there was more to read than was read."""
        return any(reader.behind for reader in self._readers.values())

    @property
    def backlog(self) -> int:
        """Bytes of journal that wait to be read."""
        return sum(reader.backlog() for reader in self._readers.values())

    def recent(self) -> bytes:
        """For the next process: it will need to know which requests were answered again."""
        return self._recent.export()

    def _discover(self) -> None:
        there = {path.name for path in self._journals.iterdir()} if self._journals.is_dir() else set()
        self.gaps += sum(name not in there and place < DONE for name, place in self._kept.items())
        self._kept = {name: place for name, place in self._kept.items() if name in there}
        for name in sorted(there - self._readers.keys()):
            place = self._kept.get(name, START)
            if place < DONE and not name.startswith((".", DERIVED)):
                self._readers[name] = Reader(self._journals / name, place)
                self._kept.pop(name, None)

    def _there(self, name: str, reader: Reader) -> bool:
        """Whether the journal can be read on. The observer deletes what was not read only when the journals run full."""
        numbers = sorted(int(path.stem) for path in reader.folder.glob("*.journal"))
        following = reader.place.segment
        if not reader.folder.exists():
            self.gaps += 1
            del self._readers[name]
            return False
        if numbers and following < numbers[0]:
            if reader.place > START or name >= self._owed_from:
                self.gaps += numbers[0] - following
            self._readers[name] = Reader(reader.folder, Place(numbers[0], START.offset))
            return False
        return True

    def _read_on(self, reader: Reader, now_ns: int, hold_ns: int, patience_ns: int) -> list[Primary]:
        chunk = reader.read(now_ns, _AT_ONCE, hold_ns, patience_ns)
        self.moved |= chunk.bytes > 0
        if reader.finished:
            self._kept[reader.folder.name] = DONE
            del self._readers[reader.folder.name]
        return self._primaries(chunk)

    def _primaries(self, chunk: Chunk) -> list[Primary]:
        found = [one for one in chunk.answers if one[0].model == self._model and not one[1].shadow]
        if chunk.doubtful and found:
            found = self._recent.left(found)
        self._recent.add(found)
        return found
