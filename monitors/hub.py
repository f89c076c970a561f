"""All that is watched of one version in one role: rows in, judged windows out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from numpy.typing import NDArray

from monitors.alarm import Alarms, AlarmState, Judged
from monitors.budget import Budget
from monitors.categorical import present as known
from monitors.checkpoint import pack, unpack
from monitors.chronicle import Chronicle
from monitors.detector import Detector
from monitors.errors import CheckpointRefused
from monitors.judgement import About, Window
from monitors.measurement import Measurement
from monitors.monitor import Monitor
from monitors.past import Kept, Past
from monitors.performance.coverage import coverage
from monitors.portion import Portion, Watch
from monitors.portrait import Portrait
from monitors.quality.refusals import refusals
from monitors.record import Batch
from monitors.reference import Reference
from monitors.settings import Settings
from monitors.trust import ESTIMATED, GAP, Trust
from monitors.window import ANSWERS, LABELLED, QUIET, SECOND, Span, Windows

LABELS: Final = "labels"
REQUESTS: Final = "requests"

SHARES: Mapping[About, float] = {ANSWERS: 0.7, LABELLED: 0.15, LABELS: 0.1, REQUESTS: 0.05}
"""How the false alarms that are put up with are divided: each kind of window spends its own."""


class Hub:
    """The monitors of one version in one role, and all that they remember.

    Rows may come in any order and in any batches; windows and what is found in them do not depend on it, as long as no
    answer is later than `advance` was told. Labelled rows go to the window in which they were answered. It is judged
    once its labels have come, which is when later windows got as many, and again whenever it has four times as many as then:
    of some models a few labels come at once, and most much later. `history` measures anew what labels changed.
    Detectors of labelled rows see them in order of the time their label was known; a label that is corrected is not news.
    Refusals have windows of their own: where those of answers lie follows from the answers alone, as in a log.
    """

    def __init__(
        self,
        reference: Reference,
        settings: Settings,
        monitors: Sequence[Monitor],
        detectors: Sequence[Detector],
    ) -> None:
        every = round(settings.every * SECOND)

        def watch(feed: str, monitored: bool, detected: bool) -> Watch:
            chosen = tuple(monitor for monitor in monitors if monitored and monitor.feed == feed)
            return Watch(reference, chosen, tuple(each for each in detectors if detected and each.feed == feed), every)

        self.settings = settings
        self._answers = watch(ANSWERS, True, True)
        self._labelled = watch(LABELLED, True, False)
        self._labels = watch(LABELLED, False, True)
        self._windows = Windows(settings, {ANSWERS: self._answers, LABELLED: self._labelled})
        self._series = Windows(settings, {ANSWERS: self._labels})
        self._requests = Windows(settings, {})
        self._past = Past(self._labelled, every, settings.keep_bytes)
        self._memories = {about: [each.begin() for each in feed.detectors] for about, feed in self._detected()}
        self._alarms = {about: Alarms(_budget(settings, reference, share)) for about, share in SHARES.items()}
        self._chronicle = Chronicle(settings.history)
        self._again: tuple[Any, Window] = (None, Window(LABELLED, 0, 0, 0, ()))
        self._natural, self._trust = reference.natural, Trust()

    @property
    def late(self) -> int:
        """Answers that came after their pane was closed; they count in the oldest that was open."""
        return self._windows.late

    @property
    def unmatched(self) -> int:
        """Labelled rows of times that no window holds any more."""
        return self._windows.unmatched + self._past.unmatched

    @property
    def newest(self) -> int:
        """When the newest row was asked, or request refused, ns; 0 before the first."""
        return self._requests.newest or 0

    @property
    def until(self) -> int | None:
        """What `advance` was told last that was not less than before, ns; None before it was."""
        return self._windows.until

    def quiet(self, about: About) -> bool:
        """Whether the newest window of this kind is of the past: nothing of its kind has come for long, nor an answer."""
        if about == REQUESTS:
            return self._requests.quiet
        return self._windows.quiet and (about == ANSWERS or self._series.quiet)

    def answers(self, batch: Batch) -> None:
        """Takes in answered rows. Windows close in `advance`."""
        self._windows.answers(batch)
        self._requests.answers(Batch(batch.time, batch.ids, {}))

    def labelled(self, batch: Batch, previous: NDArray[Any] | None = None) -> None:
        """Takes in answered rows with their labels; rows without one are passed over.

        batch.time: when each was asked. batch.label_time: when its label was known; None: at once. previous: [n], the label
        that each had before this one took its place, None or NaN where it had none. The delay of a corrected label stays
        that of the first.
        """
        if batch.labels is None or not len(batch):
            return
        present = known(batch.labels)
        if previous is not None:
            corrected = known(previous)
            again = dataclasses.replace(batch, label_time=None)
            self._route(again.take(present & corrected), 1)
            self._route(dataclasses.replace(again, labels=previous).take(corrected), -1)
            present &= ~corrected
        first = batch.take(present)
        self._route(first, 1)
        times = first.time if first.label_time is None else first.label_time
        self._series.answers(
            dataclasses.replace(first, time=times) if self._labels.detectors else Batch(times, first.ids, {})
        )

    def refused(self, time: int, code: str) -> None:
        """Counts a request that was refused at `time`, ns, with the short code of the error."""
        self._requests.refused(time, code)

    def advance(self, until: int | None = None) -> list[Window]:
        """Closes what is complete, and returns the windows that were judged by it, in order of time.

        until: ns; the caller has handed over every answer and every label older than this. None: it follows from the newest
        ones less `lateness`, which is right where rows come about in order of time.
        """
        found = [self._close(span) for span in self._windows.advance(until)]
        found += [self._judge_requests(span) for span in self._requests.advance(until)]
        for span in self._series.advance(until):
            found += self._heard(span)
        return found

    def finish(self) -> list[Window]:
        """Closes and judges all that is left, as if no row were to come any more."""
        found = [self._close(span) for span in self._windows.finish()]
        found += [self._judge_requests(span) for span in self._requests.finish()]
        for span in self._series.finish():
            found += self._heard(span)
        return found + [self._judge_labelled(kept) for kept in self._past.due()]

    def latest(self) -> list[Window]:
        """The newest window of each kind; of labelled ones the newest whose labels have come, as it is now.

        No alarm of a version that answers no more fires, also if labels still come.
        """
        kept = self._past.fullest(self._windows.boundary)
        closed = self._chronicle.newest
        newest = [closed[about] for about in (ANSWERS, LABELS, REQUESTS) if about in closed]
        newest += [self._remeasured(kept)] if kept else []
        over = {about: (self._requests if about == REQUESTS else self._windows).quiet for about in SHARES}
        return [window.ended() if over[window.about] else window for window in newest]

    def history(self, most: int = 100) -> list[Window]:
        """The newest closed windows in order of time; `labelled` ones, as they are now, stand after their `answers`."""
        kept = {window.start * self._windows.every: window for window in self._past.windows}
        found = []
        for window in self._chronicle.last(most):
            found.append(window)
            if window.start in kept and kept[window.start].labelled:
                found.append(self._remeasured(kept[window.start]))
        return found

    @property
    def portrait(self) -> Portrait | None:
        """How the rows of the newest closed window were distributed; None before there is one with answers."""
        return self._chronicle.portrait

    def labelled_windows(self) -> Iterator[Window]:
        """Every closed window with labels that is kept, in order of time, as it is now."""
        return (self._remeasured(kept) for kept in self._past.windows if kept.labelled)

    def checkpoint(self) -> bytes:
        """All that it remembers; of a bounded size, whatever has passed."""
        memories = {
            about: [each.dump(memory) for each, memory in zip(feed.detectors, self._memories[about], strict=True)]
            for about, feed in self._detected()
        }
        return pack(
            {
                "windows": self._windows.dump(),
                "series": self._series.dump(),
                "requests": self._requests.dump(),
                "past": self._past.dump(),
                "memories": memories,
                "alarms": {about: alarms.dump() for about, alarms in self._alarms.items()},
                "trust": self._trust.dump(),
                **self._chronicle.dump(),
            }
        )

    def restore(self, data: bytes) -> None:
        """Takes over what `checkpoint` gave. Raises CheckpointRefused if it is of other monitors or another reference."""
        tree = unpack(data)
        try:
            self._windows.load(tree["windows"])
            self._series.load(tree["series"])
            self._requests.load(tree["requests"])
            self._past.load(tree["past"])
            for about, feed in self._detected():
                saved = tree["memories"][about]
                self._memories[about] = [each.load(memory) for each, memory in zip(feed.detectors, saved, strict=True)]
            for about, alarms in self._alarms.items():
                alarms.load(tree["alarms"][about])
            self._trust.load(tree["trust"])
            self._chronicle.load(tree, self._answers.monitors)
        except CheckpointRefused:
            raise
        except (KeyError, TypeError, ValueError) as problem:
            raise CheckpointRefused(f"checkpoint: of other monitors: {problem}") from None

    def _detected(self) -> tuple[tuple[About, Watch], ...]:
        return (ANSWERS, self._answers), (LABELS, self._labels)

    def _route(self, batch: Batch, weight: int) -> None:
        if not len(batch):
            return
        past = self._windows.labelled(batch, weight)
        if past is not None:
            self._past.labelled(past, weight)

    def _close(self, span: Span) -> Window:
        portion = span.parts.pop(ANSWERS, None) or Portion(self._answers)
        portion.settle()
        if portion.states is None:
            portion.states, portion.tracks = self._answers.begin(), self._answers.tracks()
        found = self._answers.measure(portion) + self._follow(ANSWERS, portion)
        window = self._judge(ANSWERS, span.start, span.end, span.rows, found)
        estimates = [measurement for measurement in found if measurement.statistic == ESTIMATED]
        self._past.close(span, LABELLED).estimates = pack(estimates)
        self._chronicle.add(window, self._answers.monitors, portion.states)
        return window

    def _judge_requests(self, span: Span) -> Window:
        found = refusals(span.rows, span.refused)
        return self._judge(REQUESTS, span.start, span.end, span.rows, found, refused=span.refused)

    def _heard(self, span: Span) -> list[Window]:
        """A window of labels has closed: what detectors found in it, and the windows whose labels have come."""
        found = []
        if self._labels.detectors:
            portion = span.parts.get(ANSWERS) or Portion(self._labels)
            portion.settle()
            measured = self._follow(LABELS, portion)
            found.append(self._judge(LABELS, span.start, span.end, span.rows, measured, labelled=span.rows))
        silent = not self._series.panes and self._series.open is None
        ripe = self._past.due() if silent else self._past.ripe(self._windows.boundary)
        return found + [self._judge_labelled(kept) for kept in ripe]

    def _follow(self, about: About, portion: Portion) -> list[Measurement]:
        detectors = (self._answers if about == ANSWERS else self._labels).detectors
        tracks = portion.tracks or portion.watch.tracks()
        followed = zip(detectors, self._memories[about], tracks, strict=True)
        return [found for each, memory, track in followed for found in each.follow(memory, track.series())]

    def _judge_labelled(self, kept: Kept) -> Window:
        found = self._measure(kept)
        gaps = [measurement for measurement in found if measurement.statistic == GAP]
        record = self._trust.record(gaps, unpack(kept.verdict)[2] if kept.verdict else ())
        look, kept.seen = kept.looks, kept.labelled
        kept.looks += any(one.enough and one.p is not None for one in found)
        window = self._judge(
            LABELLED, kept.start, kept.end, kept.rows, found + record, labelled=kept.labelled, look=look
        )
        states = [[*each.measurement.key, each.state, each.since] for each in window.judged]
        kept.verdict = pack([states, record, gaps])
        return window

    def _judge(
        self,
        about: About,
        start: int,
        end: int,
        n: int,
        found: Sequence[Measurement],
        *,
        labelled: int = 0,
        refused: Mapping[str, int] | None = None,
        look: int | None = None,
    ) -> Window:
        every = self._windows.every
        # Labels may come but once a month, and windows of theirs are judged in any order.
        before = self._chronicle.newest.get(about) if about in (ANSWERS, REQUESTS) else None
        if before and start - before.end // every > QUIET * self._windows.at_most:
            for ended in (ANSWERS, LABELLED) if about == ANSWERS else (about,):
                self._alarms[ended].end()
        seconds = (end - start) * every / SECOND
        weighed = self._weighed(found, labelled if about == LABELLED else n, seconds)
        judged = tuple(self._alarms[about].judge(seconds, weighed, end * every / SECOND, look))
        window = Window(about, start * every, end * every, n, judged, labelled, refused or {})
        self._chronicle.newest[about] = window
        return window

    def _weighed(self, found: Sequence[Measurement], rows: int, seconds: float) -> Sequence[Measurement]:
        """Nothing matters that the training period did by itself."""
        for natural in self._natural:
            found = [natural.weigh(one, rows, seconds) for one in found]
        return found

    def _measure(self, kept: Kept) -> list[Measurement]:
        if not kept.found:
            realised = self._labelled.measure(self._past.portion(kept))
            estimates = unpack(kept.estimates) if kept.estimates else []
            kept.found = pack([coverage(kept.rows, kept.labelled), *realised, *self._trust.gaps(estimates, realised)])
        measured: list[Measurement] = unpack(kept.found)
        return measured

    def _remeasured(self, kept: Kept) -> Window:
        """What the labels say by now. The last one is at hand: it is asked for each second, and seldom another."""
        if not kept.found or self._again[0] != (kept.start, kept.end, kept.found, kept.verdict):
            window = self._measured_again(kept)
            self._again = (kept.start, kept.end, kept.found, kept.verdict), window
        return self._again[1]

    def _measured_again(self, kept: Kept) -> Window:
        """With the states of when the window was judged."""
        every = self._windows.every
        unknown: tuple[AlarmState, float] = ("insufficient_data", kept.end * every / SECOND)
        verdict, record, _ = unpack(kept.verdict) if kept.verdict else ([], [], [])
        states = {tuple(key): (state, since) for *key, state, since in verdict}
        found = [*self._measure(kept), *record]
        weighed = self._weighed(found, kept.labelled, (kept.end - kept.start) * every / SECOND)
        judged = tuple(Judged(each, *states.get(each.key, unknown)) for each in weighed)
        return Window(LABELLED, kept.start * every, kept.end * every, kept.rows, judged, kept.labelled)


def _budget(settings: Settings, reference: Reference, share: float) -> Budget:
    return Budget(settings.false_alarms_per_month * share, settings.k, settings.of, reference.rows)
