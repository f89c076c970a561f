"""The observer without its actor: a fold over all journals and labels, with checkpoints.

Each step reads what is new, a few MiB from each journal at most; a checkpoint makes places, rows, labels and counts durable in
one transaction, and only then are segments deleted. What a crash undoes is read again, so everything has its effect once.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.config import Config
from gateway.journal import columns
from gateway.journal.frame import Answered
from gateway.journal.places import discard, needed
from gateway.journal.reader import FAR, HOLD_NS, PATIENCE_NS, START, Chunk, Place, Reader
from gateway.labels.inbox import Inbox
from gateway.observer.ledger import Ledger, Subject
from gateway.observer.news import news
from gateway.observer.progress import Progress
from gateway.observer.recent import Recent
from gateway.observer.trials import Trials
from gateway.observer.watching import Watching, advance
from gateway.record import Answers, Layout
from gateway.rollout.expectation import Expectation
from gateway.store.expected import Event
from gateway.store.joining import Joined
from gateway.store.store import Store
from monitors.errors import ReferenceRefused
from monitors.hub import Hub
from monitors.reference import Reference

logger = logging.getLogger("driftgate")

_ROWS, _BYTES = 50_000, 64 << 20
"""So much is held in memory at the most before it is committed."""

_LABELS_AT_ONCE = 10_000
_LABELS_KNOWN_NS = 45 * 86_400 * 10**9  # so long a label sent twice is known as such
_TEND_NS = 60 * 10**9


class Fold:
    """One process at a time: the store's lock says which. Raises SetupError if another one has it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._journals = config.data / "journal"
        self.store = Store(config.data, label_wait_s=config.store.label_wait)
        try:
            self.inbox = Inbox(config.data / "state" / "labels.sqlite")
            self._restore(self.store.state())
        except BaseException:
            self.store.close()  # its lock would keep out the next try
            raise

    def _restore(self, kept: dict[str, bytes]) -> None:
        """Goes on from what the last checkpoint kept."""
        self._places: dict[str, Place] = _decoded(kept, "places", dict[str, Place], {})
        self._label: int = min(_decoded(kept, "label", int, 0), self.inbox.last())  # less, if the inbox is another
        self._models: set[str] = set()
        self._listed = False
        self.ledger = Ledger(self._exists, kept.get("ledger"))
        self.progress = Progress(kept.get("progress"))
        self.watching = Watching(self._config, kept)
        self.trials = Trials(self._expectation, kept.get("trials"))
        self.watching.revive(iter(self.store.layouts()))
        self._labels_before = self.progress.labels
        self._recent = Recent(kept.get("recent"))
        self._readers: dict[str, Reader] = {}
        self._discover()  # a checkpoint before the first step must not forget the places
        self._committed_ns = self._tended_ns = time.time_ns()
        self._dirty = False
        self.read_ns = self.kept_ns = 0
        """When journals were read last, and when all that had been read was in a checkpoint: ns since the epoch, 0 for never."""

    def step(self, now_ns: int, hold_ns: int = HOLD_NS, patience_ns: int = PATIENCE_NS) -> int:
        """Folds what is new at `now_ns`; says how much that was: bytes of journal, and labels. See Reader.read.

        Raises OSError if the disk has no room for a checkpoint; it may be called again. After any other error but Overloaded,
        half of what was read may be lost to this fold, and a new one must go on from the checkpoint.
        """
        if self._full:
            self.commit(now_ns)  # the last one failed: until one succeeds, no more is read into memory
        self._listed, self.progress.lag_ns = False, 0
        try:
            done = self._read(now_ns, hold_ns, patience_ns) + self._take_labels()
        except OSError as problem:
            raise RuntimeError(f"what is recorded cannot be read: {problem}") from problem
        self._watch(now_ns - hold_ns)
        self.read_ns = now_ns
        if self._due(now_ns):
            self.commit(now_ns)
        elif not self._dirty and now_ns - self._tended_ns > _TEND_NS:
            self._tend(now_ns)
        if not self._dirty:
            self.kept_ns = now_ns
        return done

    def drain(self, now_ns: int, patience_ns: int = PATIENCE_NS) -> None:
        """Folds and commits all that was answered until `now_ns`, and every label."""
        while self.step(now_ns, 0, patience_ns):
            pass
        self.commit(now_ns)

    def commit(self, now_ns: int) -> None:
        """The checkpoint. Raises OSError if the disk has no room; nothing has happened then."""
        places = {name: reader.place for name, reader in self._readers.items()}
        self.progress.commits += 1
        self.progress.labels = self.labels
        for reader in self._readers.values():
            self.progress.torn += reader.torn
            self.progress.missing += reader.missing
            reader.torn = reader.missing = 0
        state = {
            "places": msgspec.msgpack.encode(places),
            "label": msgspec.msgpack.encode(self._label),
            "ledger": self.ledger.export(),
            "progress": self.progress.export(),
            "trials": self.trials.export(),
            "recent": self._recent.export(),
            **self.watching.export(),
        }
        self.store.commit(state)
        self._committed_ns, self._dirty = now_ns, False
        self.kept_ns = now_ns
        needed_from = needed(self._config.data, self._config.journal.max_bytes)
        for name, reader in list(self._readers.items()):
            if discard(reader, places[name], needed_from(name)):
                del self._readers[name]
        self._tend(now_ns)

    def forget(self, model: str, ids: list[str] | None, column: str | None, value: str | None, now_ns: int) -> int:
        """Removes rows from the store, and their labels from the inbox. Call it after `drain`. See Store.forget."""
        found = self.store.holding(model, column, value) if column is not None and value is not None else ids or []
        rows = self.store.forget(model, now_ns, ids=ids, column=column, value=value)
        self.inbox.forget(model, found)
        return rows

    @property
    def behind(self) -> bool:
        """Whether the last step left something that could have been read."""
        return any(reader.behind for reader in self._readers.values())

    @property
    def doubted(self) -> bool:
        """Whether answers of a dead replica wait for those of others."""
        return any(reader.doubted for reader in self._readers.values())

    @property
    def labels(self) -> Counter[str]:
        """Accepted labels by what became of them, since the data folder was made."""
        return self._labels_before + self.store.outcomes

    def close(self) -> None:
        """Lets go of the store; what is not committed will be read again."""
        self.inbox.close()
        self.store.close()

    def backlog(self) -> int:
        """Bytes of journal that were not folded, unused room in open segments included."""
        return sum(reader.backlog() for reader in self._readers.values())

    def _tend(self, now_ns: int) -> None:
        """Removes what is old and writes parts anew, just after a commit, and once a minute where nothing comes."""
        if now_ns - self._tended_ns > _TEND_NS:  # before `tidy`, which may fail for want of the room that this makes
            self._tended_ns = now_ns
            self.store.retain(self._config.store.max_age, self._config.store.max_bytes, now_ns)
            self.inbox.prune(self._label, now_ns - _LABELS_KNOWN_NS)
        unknown = self.store.outcomes["unknown"]
        self.store.tidy(now_ns)
        self._dirty |= self.store.outcomes["unknown"] != unknown  # the next checkpoint counts them

    def _discover(self) -> None:
        if not self._journals.is_dir():
            return
        for folder in sorted(self._journals.iterdir()):
            if folder.name not in self._readers and not folder.name.startswith("."):
                self._readers[folder.name] = Reader(folder, self._places.pop(folder.name, START))

    def _read(self, now_ns: int, hold_ns: int, patience_ns: int) -> int:
        self._discover()
        done = sum(self._read_on(reader, now_ns, hold_ns, FAR) for reader in self._readers.values())
        if not self.behind:
            # What is in doubt comes last, the latest deaths first: a second answer has been read by then, wherever it is.
            doubted = [reader for reader in self._readers.values() if reader.doubted]
            for reader in sorted(doubted, key=lambda reader: reader.doubt_from, reverse=True):
                done += self._read_on(reader, now_ns, hold_ns, patience_ns)
        self._recent.trim(reader.doubt_from for reader in self._readers.values() if reader.doubted)
        return done

    def _read_on(self, reader: Reader, now_ns: int, hold_ns: int, patience_ns: int) -> int:
        if reader.finished:
            return 0
        chunk = reader.read(now_ns, hold_ns=hold_ns, patience_ns=patience_ns)
        self._fold(chunk, now_ns)
        self._dirty |= reader.finished
        return chunk.bytes

    def _fold(self, chunk: Chunk, now_ns: int) -> None:
        if not chunk.bytes:
            return
        self._dirty = True
        frames = chunk.answers
        if chunk.doubtful and frames:
            frames = self._recent.left(frames)
            self.progress.superseded += len(chunk.answers) - len(frames)
        primaries = [one for one in frames if not one[1].shadow]
        if primaries:
            self._recent.add(primaries)
            self.progress.saw([frame.ended for _, frame in primaries], now_ns)
        for answers in self._readable(frames):
            self._answers(answers)
        if chunk.refusals:
            refusals = columns.refusals(chunk.refusals)
            self.ledger.refusals(refusals)
            self.store.refuse(refusals)
            self._try(self.watching.refusals, refusals)
            self._try(self.trials.refusals, refusals)
        self.progress.lost += sum(lost.count for lost in chunk.lost)
        self.progress.unreadable += chunk.unreadable

    def _readable(self, frames: list[tuple[Layout, Answered]]) -> list[Answers]:
        """The answers as columns, without those that cannot be: each is looked for by halves, and costs the others nothing."""
        try:
            return columns.answers(frames)
        except Exception:
            if len(frames) == 1:
                ((layout, frame),) = frames
                logger.exception("%s/%d: the record of %s cannot be read", layout.model, layout.version, frame.id)
                self.progress.unreadable += 1
                return []
        half = len(frames) // 2
        return self._readable(frames[:half]) + self._readable(frames[half:])

    def _answers(self, answers: Answers) -> None:
        self._models.add(answers.layout.model)
        self.ledger.answers(answers)
        self._try(self.watching.answers, answers)
        self._try(self.trials.answers, answers)
        for joined in self.store.append(answers):
            self._joined(joined)
        self.progress.rows += len(answers)

    def _joined(self, joined: Joined) -> None:
        self.ledger.labelled(joined.answers, joined.time, joined.previous)
        self._try(self.watching.joined, joined)
        self._try(self.trials.joined, joined)

    def _try(self, follow: Callable[..., None], *rows: Any) -> None:
        """Hands rows to one of those who only look at them: when one fails, the record goes on, and the others too."""
        try:
            follow(*rows)
        except Exception:
            self.progress.failures += 1
            logger.exception("%s failed on recorded rows in a way that is not foreseen", follow.__qualname__)

    def _take_labels(self) -> int:
        events = self.inbox.read(self._label, _LABELS_AT_ONCE)
        if events:
            for joined in self.store.label(Event(*event[:7]) for event in events):
                self._joined(joined)
            self._label = events[-1].seq
            self._dirty = True
        return len(events)

    def _watch(self, final_ns: int) -> None:
        """Closes windows. final_ns: all that ended before it was read, unless a journal is still being caught up with."""
        behind = [reader.reached_ns for reader in self._readers.values() if reader.behind]
        for subject, hub in self.watching.hubs():
            self._try(self._close, subject, hub, min([final_ns, *behind]), final_ns)

    def _close(self, subject: Subject, hub: Hub, frontier_ns: int, clock_ns: int) -> None:
        for window in advance(hub, frontier_ns, clock_ns):
            self._dirty = True
            for item in news(subject, window):
                logger.log(logging.WARNING if item.begins else logging.INFO, "%s", item.sentence)

    @property
    def _full(self) -> bool:
        return self.store.waiting >= _ROWS or self.store.waiting_bytes >= _BYTES

    def _due(self, now_ns: int) -> bool:
        return self._full or (self._dirty and now_ns - self._committed_ns >= self._config.store.flush * 1e9)

    def _expectation(self, layout: Layout) -> Expectation:
        path = self._config.repository / layout.model / str(layout.version) / "reference.npz"
        try:
            return Expectation(layout, Reference.load(path) if path.exists() else None)
        except ReferenceRefused as problem:
            logger.error("%s/%d: nothing is estimated: %s", layout.model, layout.version, problem)
            return Expectation(layout, None)

    def _exists(self, model: str) -> bool:
        """Whether a name is a model's and not a client's invention."""
        if model not in self._models and not self._listed and self._config.repository.is_dir():
            self._listed = True  # once for each step: the names are the clients', and there may be thousands of them
            self._models = {path.name for path in self._config.repository.iterdir() if path.is_dir()}
        return model in self._models


def _decoded(kept: dict[str, bytes], key: str, kind: Any, default: Any) -> Any:
    return msgspec.msgpack.decode(kept[key], type=kind) if key in kept else default
