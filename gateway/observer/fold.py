"""The observer without its actor: a fold over all journals and labels, with checkpoints.

Each step reads what is new, a few MiB from each journal at most; a checkpoint makes places, rows, labels and counts durable in
one transaction, and only then are segments deleted. What a crash undoes is read again, so everything has its effect once.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import Any

import msgspec

from gateway.config import Config
from gateway.journal import columns
from gateway.journal.reader import HOLD_NS, PATIENCE_NS, START, Chunk, Place, Reader
from gateway.labels.inbox import Inbox
from gateway.observer.ledger import Ledger
from gateway.observer.progress import Progress
from gateway.observer.recent import Recent
from gateway.record import Answers
from gateway.store.expected import Event
from gateway.store.store import Store

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
        self.inbox = Inbox(config.data / "state" / "labels.sqlite")
        kept = self.store.state()
        self._places: dict[str, Place] = _decoded(kept, "places", dict[str, Place], {})
        self._label: int = _decoded(kept, "label", int, 0)
        self._models: set[str] = set()
        self.ledger = Ledger(self._exists, kept.get("ledger"))
        self.progress = Progress(kept.get("progress"))
        self._labels_before = self.progress.labels
        self._recent = Recent(kept.get("recent"))
        self._readers: dict[str, Reader] = {}
        self._committed_ns = self._tended_ns = time.time_ns()
        self._dirty = False

    def step(self, now_ns: int, hold_ns: int = HOLD_NS, patience_ns: int = PATIENCE_NS) -> int:
        """Folds what is new at `now_ns`; says how much that was: bytes of journal, and labels. See Reader.read."""
        self._discover()
        done, self.progress.lag_ns = 0, 0
        for reader in self._readers.values():
            if not reader.finished:
                chunk = reader.read(now_ns, hold_ns=hold_ns, patience_ns=patience_ns)
                self._fold(chunk, now_ns)
                self._dirty |= reader.finished
                done += chunk.bytes
        done += self._take_labels()
        if self._due(now_ns):
            self.commit(now_ns)
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
            reader.torn = 0
        state = {
            "places": msgspec.msgpack.encode(places),
            "label": msgspec.msgpack.encode(self._label),
            "ledger": self.ledger.export(),
            "progress": self.progress.export(),
        }
        if any(reader.doubted for reader in self._readers.values()):
            state["recent"] = self._recent.export()
        self.store.commit(state)
        self._committed_ns, self._dirty = now_ns, False
        for name, reader in list(self._readers.items()):
            reader.delete(places[name])
            if reader.finished:
                del self._readers[name]
        self.store.tidy(now_ns)
        if now_ns - self._tended_ns > _TEND_NS:
            self._tended_ns = now_ns
            self.store.retain(self._config.store.max_age, self._config.store.max_bytes, now_ns)
            self.inbox.prune(self._label, now_ns - _LABELS_KNOWN_NS)

    def forget(self, model: str, ids: list[str] | None, column: str | None, value: str | None) -> int:
        """Removes rows from the store, and their labels from the inbox. Call it after `drain`. See Store.forget."""
        found = self.store.holding(model, column, value) if column is not None and value is not None else ids or []
        rows = self.store.forget(model, ids=ids, column=column, value=value)
        self.inbox.forget(model, found)
        return rows

    @property
    def labels(self) -> Counter[str]:
        """Accepted labels by what became of them, since the data folder was made."""
        return self._labels_before + self.store.outcomes

    def close(self) -> None:
        """Lets go of the store; what is not committed will be read again."""
        self.inbox.close()
        self.store.close()

    @property
    def checkpoint_age_s(self) -> float:
        """Seconds since the last checkpoint, or since the start."""
        return (time.time_ns() - self._committed_ns) / 1e9

    def backlog(self) -> int:
        """Bytes of journal that were not folded, unused room in open segments included."""
        return sum(reader.backlog() for reader in self._readers.values())

    def _discover(self) -> None:
        if not self._journals.is_dir():
            return
        for folder in sorted(self._journals.iterdir()):
            if folder.name not in self._readers and not folder.name.startswith("."):
                self._readers[folder.name] = Reader(folder, self._places.pop(folder.name, START))

    def _fold(self, chunk: Chunk, now_ns: int) -> None:
        if not chunk.bytes:
            return
        self._dirty = True
        frames = chunk.answers
        if chunk.doubtful and frames:
            again = self._recent.again((frame.id, frame.at) for _, frame in frames)
            frames = [(layout, frame) for layout, frame in frames if frame.id not in again]
            self.progress.superseded += len(chunk.answers) - len(frames)
        if frames:
            self._recent.add(frames[-1][1].ended, [frame.id for _, frame in frames])
            self.progress.saw([frame.ended for _, frame in frames], now_ns)
        for answers in columns.answers(frames):
            self._answers(answers)
        if chunk.refusals:
            refusals = columns.refusals(chunk.refusals)
            self.ledger.refusals(refusals)
            self.store.refuse(refusals)
        self.progress.lost += sum(lost.count for lost in chunk.lost)

    def _answers(self, answers: Answers) -> None:
        self._models.add(answers.layout.model)
        self.ledger.answers(answers)
        self.store.append(answers)
        self.progress.rows += len(answers)

    def _take_labels(self) -> int:
        events = self.inbox.read(self._label, _LABELS_AT_ONCE)
        if events:
            self.store.label(Event(*event[:7]) for event in events)
            self._label = events[-1].seq
            self._dirty = True
        return len(events)

    def _due(self, now_ns: int) -> bool:
        full = self.store.waiting >= _ROWS or self.store.waiting_bytes >= _BYTES
        return full or (self._dirty and now_ns - self._committed_ns >= self._config.store.flush * 1e9)

    def _exists(self, model: str) -> bool:
        """Whether a name is a model's and not a client's invention."""
        if model not in self._models and self._config.repository.is_dir():
            self._models = {path.name for path in self._config.repository.iterdir() if path.is_dir()}
        return model in self._models


def _decoded(kept: dict[str, bytes], key: str, kind: Any, default: Any) -> Any:
    return msgspec.msgpack.decode(kept[key], type=kind) if key in kept else default
