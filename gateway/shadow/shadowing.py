"""One shadow, without its process: reads primaries, runs them in batches, and accounts for each of them exactly once.

Whatever ends the process, its successor reads on from the last checkpoint: what came after that was seen by nobody.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from gateway.config import Config
from gateway.errors import SetupError
from gateway.journal.frame import Answered
from gateway.journal.reader import HOLD_NS, PATIENCE_NS
from gateway.policy import Recipe
from gateway.record import Layout
from gateway.shadow import checkpoint as checkpoints
from gateway.shadow.answering import Answering
from gateway.shadow.attempt import Attempt, Key
from gateway.shadow.checkpoint import Shadow
from gateway.shadow.comparison import Comparison
from gateway.shadow.fitting import Fitting
from gateway.shadow.outbox import Outbox
from gateway.shadow.pace import Pace
from gateway.shadow.running import Failed, Running
from gateway.shadow.strikes import DOOMED, Strikes
from gateway.shadow.tail import Primary, Tail

logger = logging.getLogger("driftgate")

UNFIT, GIVEN_UP, UNRECORDED = "unfit", "given_up", "unrecorded"
"""Outcomes: the version could not be loaded; too many waited; there was no room to write what the shadow said."""

_COMMIT_NS, _IDLE_NS = 1_000_000_000, 5_000_000_000
_COMMIT_BYTES = 8 << 20
_FORMS = 1024


class Ready(NamedTuple):
    """A version that was loaded, and how its answers are recorded."""

    running: Running
    recipe: Recipe


class _Form(NamedTuple):
    layout: Layout  # held so that its id stays its own
    fitting: Fitting
    answering: Answering


class Shadowing:
    """Raises SetupError if the shadow is not registered. died_of: how the process before this one ended, if it did in a run.

    run_s: the processor time that a batch may take before the process dies of it.
    """

    def __init__(self, config: Config, shadow: Shadow, died_of: Failed, run_s: float) -> None:
        kept = checkpoints.read(config.data, shadow)
        if kept is None:
            raise SetupError(f"{shadow.label} is no shadow")
        self._data, self._shadow, self._died_of, self._run_s = config.data, shadow, died_of, run_s
        self._most = config.journal.max_bytes
        self.kept = kept
        self._attempt = Attempt(checkpoints.run_path(config.data, shadow))
        self._outbox = Outbox(config.data / "journal", shadow.name, self._most)
        self._outbox.recover(kept.published)
        self._strikes = Strikes(kept)
        self._strikes.learn(self._attempt.left())
        kept.starts += 1
        checkpoints.write(config.data, shadow, kept)
        self._attempt.clear()
        self._tail = Tail(config.data / "journal", shadow.model, kept.since, kept.places, kept.recent)
        self._ahead = set(kept.ahead)
        self._done: list[Key] = []
        self._written: Counter[str] = Counter()
        self._pace = Pace()
        self._forms: dict[int, _Form] = {}
        self._ready: Ready | None = None
        self._seen_ns = 0

    def load(self, prepare: Callable[[], Ready], timeout_s: float) -> None:
        """Takes the version into service, in place of the one before; raises what `prepare` raises."""
        self.commit(time.time_ns())
        self._ready = None
        self._forms.clear()
        with self._attempt.running([], timeout_s):
            self._ready = prepare()
        self._outbox.declare(self._ready.recipe.layout)
        self.kept.unloadable, self.kept.trouble = 0, ""

    def drop(self, trouble: str) -> None:
        """Goes on without the version: until it can be loaded, its primaries are counted as `unfit`."""
        self.commit(time.time_ns())
        self._ready, self.kept.trouble = None, trouble

    def step(self, now_ns: int, hold_ns: int = HOLD_NS, patience_ns: int = PATIENCE_NS) -> int:
        """Shadows what is new and final at `now_ns`, and says how many primaries that were."""
        found = self._tail.read(now_ns, hold_ns, patience_ns)
        owed = [one for one in found if self._owed(*one)]
        keys = {(frame.at, frame.id) for _, frame in owed}
        todo = [one for one in owed if (one[1].at, one[1].id) not in self._ahead] if self._ahead else owed
        if self._ready is None:
            self._count(UNFIT, todo)
        elif self._tail.backlog > self._most // 2:
            self._count(GIVEN_UP, todo)
        else:
            self._run(todo)
        self._passed(keys)
        self.kept.lag = max(0, now_ns - self._seen_ns) if self._tail.behind else 0
        if self._due(now_ns, bool(owed)):
            self.commit(now_ns)
        return len(owed)

    def drain(self, now_ns: int, patience_ns: int = PATIENCE_NS) -> None:
        """Shadows and commits all that was answered until `now_ns`."""
        moved = True
        while moved:
            self.step(now_ns, 0, patience_ns)
            moved = self._tail.moved
        self.commit(now_ns)

    def commit(self, now_ns: int) -> None:
        """The checkpoint: all that was done becomes visible, at once. Raises OSError if it cannot be written."""
        kept, name = self.kept, None
        if self._outbox.requests:
            name = self._outbox.stage(now_ns)
            if name is None:
                self._unrecorded()
        kept.published = name or kept.published
        kept.ahead = [*self._ahead, *self._done]
        kept.backlog, kept.saved = self._tail.backlog, now_ns
        self._strikes.keep()
        checkpoints.write(self._data, self._shadow, kept)
        if name is not None:
            self._outbox.reveal(name)
        self._outbox.clear()
        self._written.clear()

    def close(self) -> None:
        """Lets go of its files."""
        self._attempt.close()
        if self._ready is not None:
            self._ready.running.close()

    def _owed(self, layout: Layout, frame: Answered) -> bool:
        return layout.version != self._shadow.version and frame.at >= self.kept.since

    def _due(self, now_ns: int, busy: bool) -> bool:
        waits = busy or self._outbox.requests or self._done
        return now_ns - self.kept.saved >= (_COMMIT_NS if waits else _IDLE_NS) or self._outbox.bytes >= _COMMIT_BYTES

    def _passed(self, keys: set[Key]) -> None:
        """All that was read is accounted for: the places can move on."""
        self.kept.places, self.kept.recent = self._tail.places, self._tail.recent()
        self.kept.gaps += self._tail.gaps
        self._tail.gaps = 0
        self._ahead -= keys
        self._done.clear()

    def _count(self, outcome: str, primaries: Sequence[Primary]) -> None:
        if primaries:
            self.kept.outcomes[outcome] = self.kept.outcomes.get(outcome, 0) + len(primaries)
            self._done += [(frame.at, frame.id) for _, frame in primaries]
            self._seen_ns = primaries[-1][1].ended

    def _run(self, primaries: Sequence[Primary]) -> None:
        if len(self._forms) > _FORMS:  # each segment declares its layouts anew
            self._forms.clear()
        groups: dict[tuple[int, object], list[Primary]] = {}
        for one in primaries:
            form = self._forms.get(id(one[0])) or self._form(one[0])
            shapes = form.fitting.shapes(one[1])
            if isinstance(shapes, str):
                self._count(shapes, [one])
            else:
                groups.setdefault((id(one[0]), shapes), []).append(one)
        for (number, _), members in groups.items():
            form = self._forms[number]
            for batch in self._batches(members):
                self._batch(form, batch)
                if self._due(time.time_ns(), busy=True):
                    self.commit(time.time_ns())

    def _form(self, layout: Layout) -> _Form:
        assert self._ready
        running, recipe = self._ready
        fitting = Fitting(layout, running.version.signature)
        form = _Form(layout, fitting, Answering(layout, recipe, self._outbox))
        self._forms[id(layout)] = form
        return form

    def _batches(self, primaries: list[Primary]) -> Iterator[list[Primary]]:
        """What is run together: as many rows as the pace allows; each alone of those with which the process died before."""
        assert self._ready
        batch: list[Primary] = []
        rows = 0
        for one in primaries:
            suspect = self._strikes.of(one[1])
            if batch and (suspect or rows + one[1].rows > self._pace.rows(self._ready.running.most_rows)):
                yield batch
                batch, rows = [], 0
            batch.append(one)
            rows += one[1].rows
            if suspect:
                yield batch
                batch, rows = [], 0
        if batch:
            yield batch

    def _batch(self, form: _Form, batch: list[Primary]) -> None:
        assert self._ready
        frames = [frame for _, frame in batch]
        if self._strikes.of(frames[0]) >= DOOMED:
            self._refused(form, batch, self._died_of)
            return
        with self._attempt.running([(frame.at, frame.id) for frame in frames], self._run_s):
            answer = self._ready.running.run(form.fitting, frames)
        self._strikes.survived(frames)
        if isinstance(answer, Failed):
            if len(batch) == 1:
                self._refused(form, batch, answer)
            else:  # a bad request must not fail its neighbours
                for one in batch:
                    self._batch(form, [one])
            return
        self._pace.ran(sum(frame.rows for frame in frames), answer.took_ns)
        form.answering.answered(frames, answer)
        pair = self.kept.pairs.setdefault(form.layout.version, Comparison())
        pair.add(form.answering.compared(frames, answer))
        for place, failed in answer.failed.items():
            self._tell(failed.code, [batch[place]])
        self._tell("ok", [one for place, one in enumerate(batch) if place not in answer.failed])

    def _refused(self, form: _Form, batch: Sequence[Primary], failed: Failed) -> None:
        for _, frame in batch:
            form.answering.failed(frame, failed)
        self._strikes.forget(frame for _, frame in batch)
        self._tell(failed.code, batch)

    def _tell(self, outcome: str, batch: Sequence[Primary]) -> None:
        """Counts primaries of which a frame waits in the outbox."""
        self._count(outcome, batch)
        self._written[outcome] += len(batch)

    def _unrecorded(self) -> None:
        logger.warning("%s: no room for %d answers of the shadow", self._shadow.label, self._outbox.requests)
        outcomes = Counter(self.kept.outcomes)
        outcomes.subtract(self._written)
        outcomes[UNRECORDED] += self._written.total()
        self.kept.outcomes = dict(+outcomes)
