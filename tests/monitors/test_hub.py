"""A hub tells the same however rows come, keeps labels apart by window, and forgets nothing that it was given."""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitors.detector import Series, Track
from monitors.errors import CheckpointRefused
from monitors.hub import Hub
from monitors.judgement import Window
from monitors.measurement import Measurement
from monitors.monitor import Feed
from monitors.offline import Judging
from monitors.record import Batch
from monitors.reference import Reference
from monitors.registry import hub
from monitors.settings import Settings
from monitors.view import View
from tests.monitors.answering import MINUTE, START, Counting, batch

LIMITS = Settings(rows=10, at_most=3600.0, lateness=60.0)


@pytest.fixture
def flights() -> Reference:
    """A reference of a real model."""
    return Reference.load(Path(__file__).parents[2] / "models/flights/1/reference.npz")


class Hearing:
    """Remembers the means that it was fed."""

    name = "hearing"
    subjects = ("score",)

    def __init__(self, feed: Feed) -> None:
        self.feed = feed

    def values(self, view: Any) -> Any:
        """The scores."""
        return view.batch.scores[:, None]

    def begin(self) -> list[float]:
        return []

    def follow(self, memory: list[float], series: Series) -> Sequence[Measurement]:
        """One number: how many slots there were."""
        memory += np.round(series.means[:, 0], 6).tolist()
        return [Measurement(self.name, self.feed, "slots", float(len(memory)), int(series.counts.sum()))]

    def dump(self, memory: list[float]) -> bytes:
        return repr(memory).encode()

    def load(self, data: bytes) -> list[float]:
        return [float(word) for word in data.decode().strip("[]").split(",") if word]


class Departing(Counting):
    """An alarm, wherever there is a row with the highest score."""

    def fold(self, state: Any, view: View, weight: int = 1) -> None:
        state["rows"] += weight * len(view)
        state["positive"] += weight * int((view.batch.scores == 1).sum())

    def measure(self, state: Any) -> Sequence[Measurement]:
        rows, high = int(state["rows"][0]), int(state["positive"][0])
        return [
            Measurement(
                "departing", self.feed, "high", high, rows, p=1e-30 if high else 0.5, matters=True, enough=rows > 0
            )
        ]


def _small(reference: Reference, **chosen: Any) -> Hub:
    monitors = [Counting(), Counting("labelled")]
    limits = Settings(**{"rows": 10, "at_most": 3600.0, "lateness": 60.0, **chosen})
    return Hub(reference, limits, monitors, [Hearing("answers"), Hearing("labelled")])


def _known(rows: Batch) -> Batch:
    return dataclasses.replace(rows, labels=np.nan_to_num(np.asarray(rows.labels, float)))


def _of(about: str, windows: Sequence[Window]) -> list[Window]:
    return [window for window in windows if window.about == about]


def _said(windows: Sequence[Window]) -> list[Any]:
    return [
        (
            window.about,
            (window.start - START) // MINUTE,
            (window.end - START) // MINUTE,
            window.n,
            window.labelled,
            *((each.measurement.key, round(each.measurement.value, 6), each.state) for each in window.judged),
        )
        for window in windows
    ]


def test_labels_count_in_the_window_of_their_answer(reference: Reference, example: Callable[..., Any]) -> None:
    """They are judged once those of later windows have come, and told from the history before."""
    of = _small(reference)
    rows = _known(batch(example(), [0] * 10 + [1] * 10 + [2] * 10 + [9], labels=True))
    of.answers(rows)
    assert [line[:4] for line in _said(_of("answers", of.advance()))] == [
        ("answers", 0, 1, 10),
        ("answers", 1, 2, 10),
        ("answers", 2, 3, 10),
    ]
    first = rows.take(np.arange(8))
    of.labelled(dataclasses.replace(first, label_time=np.full(8, START + 20 * MINUTE)))
    assert [window.labelled for window in of.history() if window.about == "labelled"] == [8]
    assert _of("labelled", of.advance()) == []
    second = rows.take(np.arange(10, 20))
    of.labelled(dataclasses.replace(second, label_time=np.full(10, START + 21 * MINUTE)))
    found = of.advance(START + 23 * MINUTE)
    judged = [window for window in found if window.about == "labelled"]
    assert [(window.start, window.labelled) for window in judged][:1] == [(START, 8)]
    (coverage,) = (e.measurement for e in judged[0].judged if e.measurement.statistic == "coverage")
    assert (coverage.value, coverage.n) == (0.8, 10)


def test_labels_find_their_windows_after_a_clock_was_ahead(reference: Reference, example: Callable[..., Any]) -> None:
    """Also where windows of later times have closed before theirs."""
    of, month = _small(reference), 30 * 24 * 60
    of.answers(batch(example(), [month] * 10 + [month + 1] * 10 + [month + 2] * 10))
    assert len(_of("answers", of.advance(START + (month + 3) * MINUTE))) == 3
    of.advance(START)
    rows = _known(batch(example(), [1] * 10, labels=True))
    of.answers(rows)
    of.advance(START + 2 * MINUTE)
    of.labelled(rows.take(np.arange(4)))
    assert [(window.start, window.labelled) for window in of.labelled_windows()] == [(START + MINUTE, 4)]


@pytest.mark.parametrize("at_most", [86_400.0, 120.0])
def test_most_labels_may_come_late(reference: Reference, example: Callable[..., Any], at_most: float) -> None:
    """One in a hundred at once, the others after hours: an alarm rests on all of them, though half came in another minute.

    Also where they come later than a version may be silent, for that it is not.
    """
    of, judged, asked = hub(reference, (), Settings(rows=100, lateness=0.0, at_most=at_most)), [], []
    random = np.random.default_rng(7)
    for minute in range(40):
        rows = batch(example(), minute + np.arange(100) / 200)
        assert rows.scores is not None
        wrong = (random.random(100) < 1 - rows.scores).astype(np.int64)
        asked.append(dataclasses.replace(rows, labels=wrong))
        of.answers(rows)
        for delay, part in ((0, np.arange(1)), (10, np.arange(1, 50)), (11, np.arange(50, 100))):
            if delay <= minute:
                known = asked[minute - delay].take(part)
                of.labelled(dataclasses.replace(known, label_time=np.full(len(part), START + minute * MINUTE)))
        judged += of.advance(START + minute * MINUTE)
    found = [one for window in judged for one in window.judged if one.measurement.key[1:] == ("roc_auc", "realised")]
    assert {one.measurement.n for one in found if one.measurement.enough} == {100}
    assert sum(one.state == "firing" and one.measurement.enough for one in found) > 20
    assert [one.state for one in found if one.news and one.measurement.enough] == ["firing"]
    latest = next(window for window in of.latest() if window.about == "labelled")
    assert (latest.labelled, "roc_auc" in {one.measurement.subject for one in latest.firing}) == (100, True)


def test_what_came_since_takes_its_place_in_the_track_record(reference: Reference, example: Callable[..., Any]) -> None:
    """A window that is judged again counts once among those whose estimates were right or not."""
    of = hub(reference, (), Settings(rows=200, lateness=0.0))
    rows = _known(batch(example(), np.repeat(np.arange(3), 200), labels=True))
    of.answers(rows)
    of.advance(START + 10 * MINUTE)
    for part in (np.arange(40), np.arange(40, 600)):
        of.labelled(rows.take(part))
        of.finish()
    within = [one.measurement for window in of.labelled_windows() for one in window.judged]
    assert [one.n for one in within if one.key[1:] == ("accuracy", "within")] == [1, 2, 3]


def test_windows_of_a_clock_that_was_ahead_hide_no_others(reference: Reference, example: Callable[..., Any]) -> None:
    """Labels that come now say how it is now; and a version that falls silent then is silent."""
    of, month = _small(reference), 30 * 24 * 60
    for minute in (month, 1, 2, 3):
        rows = _known(batch(example(), [minute] * 10, labels=True))
        of.answers(rows)
        of.advance(START + (minute + 2) * MINUTE)
        of.labelled(rows)
        of.advance(START + (minute + 2) * MINUTE)
    (labelled,) = _of("labelled", of.latest())
    assert (labelled.start - START) // MINUTE == 3
    of.advance(START + 200 * MINUTE)
    assert of.quiet("answers")


def test_a_corrected_label_takes_the_place_of_the_first(reference: Reference, example: Callable[..., Any]) -> None:
    """The window says what it would say had the right one come at once; detectors hear of it once."""
    of, straight = _small(reference), _small(reference)
    rows = _known(batch(example(), [0] * 10 + [30], labels=True))
    right = np.array(rows.labels)
    right[:10] = 1
    for each in (of, straight):
        each.answers(rows)
        each.advance()
    old, new = rows.take(np.arange(10)), dataclasses.replace(rows, labels=right).take(np.arange(10))
    of.labelled(dataclasses.replace(old, labels=np.zeros(10)))
    of.labelled(new, previous=np.zeros(10))
    straight.labelled(new)
    assert repr(_said(of.finish())) == repr(_said(straight.finish()))


def test_the_order_and_the_batches_of_rows_do_not_matter(reference: Reference, example: Callable[..., Any]) -> None:
    """Everything the default monitors and detectors say, to the last digit."""
    minutes = np.sort(np.random.default_rng(1).random(400) * 50)
    whole = batch(example(), minutes, labels=True)
    shuffled = whole.take(np.argsort(minutes + np.random.default_rng(2).random(400) * 0.9))
    limits = Settings(rows=100, lateness=60.0)
    said = []
    for rows, pieces in ((whole, 1), (shuffled, 13)):
        of = hub(reference, ("origin", "sex"), limits)
        found = []
        for part in np.array_split(np.arange(400), pieces):
            of.answers(rows.take(part))
            found += of.advance()
        of.labelled(rows)
        said.append(sorted(_said(found + of.finish()), key=lambda line: line[:2]))
    assert repr(said[0]) == repr(said[1])
    assert {line[0] for line in said[0]} >= {"answers", "labelled"}


def test_a_checkpoint_goes_on_as_if_nothing_had_been(reference: Reference, example: Callable[..., Any]) -> None:
    """In the middle of a window, with labels of closed ones, alarms and detectors."""
    rows = batch(example(), np.sort(np.random.default_rng(3).random(300) * 60), labels=True)
    limits = Settings(rows=50)
    of = hub(reference, ("origin",), limits)
    of.answers(rows.take(np.arange(170)))
    of.advance()
    of.labelled(rows.take(np.arange(120)))
    of.advance()
    again = hub(reference, ("origin",), limits)
    again.restore(of.checkpoint())
    said = []
    for each in (of, again):
        each.answers(rows.take(np.arange(170, 300)))
        each.labelled(rows.take(np.arange(120, 300)))
        said.append((_said(each.finish()), _said(each.history()), _said(each.latest())))
    assert repr(said[0]) == repr(said[1])
    assert said[0][1]


def test_a_checkpoint_of_other_monitors_is_refused(reference: Reference, example: Callable[..., Any]) -> None:
    """Counts over other bins would add up to nonsense."""
    of = _small(reference)
    of.answers(batch(example(), [0] * 5))
    with pytest.raises(CheckpointRefused, match="other monitors"):
        hub(reference, (), LIMITS).restore(of.checkpoint())


def test_what_is_kept_for_labels_is_bounded(reference: Reference, example: Callable[..., Any]) -> None:
    """The oldest windows become one, and labels of all of them still count."""
    of = _small(reference, keep_bytes=2_000, history=20)
    rows = _known(batch(example(), np.repeat(np.arange(300), 10), labels=True))
    of.answers(rows)
    of.advance(START + 400 * MINUTE)
    size = len(of.checkpoint())
    of.labelled(rows)
    of.finish()
    kept = list(of.labelled_windows())
    assert sum(window.labelled for window in kept) == len(rows)
    assert len(kept) < 100
    assert kept[0].n > kept[-1].n
    assert size < 20_000
    assert len(of.history()) <= 40


def test_what_closed_windows_said_is_bounded_too(reference: Reference, example: Callable[..., Any]) -> None:
    """Not only what their labels were folded into: measurements, verdicts and estimates take more."""
    limits = Settings(rows=10, keep_bytes=200_000, slices=({"origin": ("JFK",)}, {"origin": ("EWR",)}))
    of = hub(reference, (), limits)
    rows = batch(example(), np.repeat(np.arange(100), 10), labels=True)
    for part in np.array_split(np.arange(len(rows)), 10):
        of.answers(rows.take(part))
        of.labelled(rows.take(part))
        of.advance(int(rows.time[part[-1]]))
        of.history()
    kept = of._past.windows
    assert len(kept) > 5
    of.advance(START + 200 * MINUTE)
    held = sum(len(k.blob) + len(k.found) + len(k.verdict) + len(k.estimates) for k in kept)
    assert held <= limits.keep_bytes + 10_000  # the newest had not said anything yet


def test_a_hub_stays_below_64_mb(flights: Reference) -> None:
    """With a watermark that stands still while minutes go by, and checkpoints, which fold what waits."""
    numbers, texts = (
        [spec.name for spec in flights.schema.columns if spec.kind == kind] for kind in ("numeric", "categorical")
    )
    tracemalloc.start()
    try:
        of, random = hub(flights, ("origin",)), np.random.default_rng(0)
        for hour in range(6):
            n = 60 * 5
            columns: dict[str, Any] = {name: random.random(n).astype(np.float32) for name in numbers}
            columns |= {name: np.array(["JFK"] * n, object) for name in texts}
            time = START + (hour * 60 + np.arange(n) // 5) * MINUTE
            scores = random.random(n)
            of.answers(Batch(time, np.array([f"r{i}" for i in range(n)], object), columns, scores, scores.round()))
            of.advance(START)
            of.checkpoint()
        assert tracemalloc.get_traced_memory()[0] < 64e6
    finally:
        tracemalloc.stop()


def test_refusals_are_a_share_of_all_requests(reference: Reference, example: Callable[..., Any]) -> None:
    """In windows of their own, which are told among the latest."""
    of = hub(reference, (), LIMITS)
    of.answers(batch(example(), [0] * 30))
    for _ in range(10):
        of.refused(START, "bad_input")
    _, window = of.advance(START + 5 * MINUTE)
    assert (window.about, window.n, window.refused) == ("requests", 30, {"bad_input": 10})
    (share,) = (e.measurement for e in window.judged if e.measurement.subject == "bad_input")
    assert (share.value, share.n) == (0.25, 40)
    assert window in of.latest()


def test_an_alarm_tells_that_every_request_is_refused(reference: Reference) -> None:
    """Within minutes, and until requests are answered again; a checkpoint in between makes no difference."""
    of, found = hub(reference), []
    for minute in range(4):
        for second in range(60):
            of.refused(START + minute * MINUTE + second * 10**9, "bad_input")
        of, before = hub(reference), of
        of.restore(before.checkpoint())
        found += of.advance(START + (minute + 1) * MINUTE)
    assert [(window.about, window.n) for window in found] == [("requests", 0)] * 4
    assert [each.measurement.key for each in found[0].firing] == [("quality", "requests", "refused")]


def test_refusals_change_nothing_that_is_said_of_answers(reference: Reference, example: Callable[..., Any]) -> None:
    """Neither where windows lie nor what is judged in them: a log, which has none, is judged offline to the same end."""
    minutes = np.sort(np.random.default_rng(4).random(300) * 300)
    rows = batch(example(), minutes, labels=True)
    limits = Settings(rows=50, at_most=3600.0)
    live, said = hub(reference, ("origin",), limits), []
    for part in np.array_split(np.arange(300), 30):
        for late in range(4):
            live.refused(int(rows.time[part[0]]) - late * MINUTE, "bad_input")
        live.answers(dataclasses.replace(rows.take(part), labels=None))
        live.labelled(rows.take(part))
        said += live.advance(int(rows.time[part[-1]]))
    said += live.finish()
    offline = Judging(reference, ("origin",), limits)
    told = [*offline.take(rows), *offline.finish()]
    assert {window.about for window in said} - {window.about for window in told} == {"requests"}
    for about in ("answers", "labels"):
        assert repr(_said(_of(about, said))) == repr(_said(_of(about, told)))
    assert len(_of("answers", told)) > 4


def test_a_slice_is_measured_and_not_tested(reference: Reference, example: Callable[..., Any]) -> None:
    """Its rows alone; whether it is unlike all rows is no news."""
    limits = Settings(rows=10, slices=({"origin": ("JFK",)},))
    of = hub(reference, (), limits)
    rows = batch(example(), np.zeros(200), labels=True)
    of.answers(rows)
    of.labelled(rows)
    judged = [each for window in of.finish() for each in window.judged if "origin=JFK" in each.measurement.subject]
    accuracy = next(e.measurement for e in judged if e.measurement.key[1:] == ("accuracy [origin=JFK]", "realised"))
    known = (rows.columns["origin"] == "JFK") & ~np.isnan(np.asarray(rows.labels, float))
    assert rows.predictions is not None
    assert accuracy.value == pytest.approx((rows.predictions == rows.labels)[known].mean())
    assert {each.measurement.p for each in judged} == {None}


def test_a_monitor_that_watches_no_slice_is_refused() -> None:
    """The message says which ones do."""
    sliced: Any = ("drift", "refusals")
    with pytest.raises(ValueError, match=r"sliced: found refusals, expected performance, .* outlier"):
        Settings(sliced=sliced)


def test_tracks_do_not_depend_on_the_order_of_rows() -> None:
    """Neither their slots nor their sums, however far rows reach and however they are divided."""
    random = np.random.default_rng(0)
    time, values = random.integers(0, 10**6, 500), random.random((500, 3))
    values[random.random((500, 3)) < 0.2] = np.nan
    whole = Track(3, grain=7)
    whole.add(time, values)
    for seed in range(5):
        parts = np.array_split(np.random.default_rng(seed).permutation(500), seed + 2)
        tracks = [Track(3, grain=7) for _ in parts]
        for track, part in zip(tracks, parts, strict=True):
            track.add(time[part], values[part])
        for track in tracks[1:]:
            tracks[0].merge(track)
        mine, theirs = tracks[0].series(), whole.series()
        assert mine.time.tolist() == theirs.time.tolist()
        assert np.array_equal(mine.means, theirs.means, equal_nan=True)
        assert 32 < len(theirs) <= 64


def _departing(reference: Reference) -> tuple[Hub, Callable[[Batch, bool], None]]:
    of = Hub(reference, LIMITS, [Departing(), Departing("labelled")], [])

    def ask(rows: Batch, departs: bool = True) -> None:
        rows = _known(dataclasses.replace(rows, scores=np.ones(len(rows)) if departs else np.zeros(len(rows))))
        of.answers(rows)
        of.labelled(rows)

    return of, ask


def _firing(of: Hub) -> list[str]:
    return [
        window.about for window in of.latest() if any(each.measurement.statistic == "high" for each in window.firing)
    ]


def test_the_alarms_of_a_version_that_answers_no_more_end(reference: Reference, example: Callable[..., Any]) -> None:
    """After two of the longest windows; also after a restart, and also when labels still come."""
    of, ask = _departing(reference)
    rows = batch(example(), [0] * 10 + [1] * 10 + [2] * 10, labels=True)
    ask(rows)
    of.advance(START + 120 * MINUTE)
    assert _firing(of) == ["answers", "labelled"]
    of.advance(START + 123 * MINUTE)
    assert _firing(of) == []
    assert [of.quiet("answers"), of.quiet("labelled")] == [True, True]
    again, _ = _departing(reference)
    again.restore(of.checkpoint())
    assert _firing(again) == []
    late = dataclasses.replace(_known(rows), label_time=np.full(len(rows), START + 122 * MINUTE))
    of.labelled(late)
    of.advance(START + 124 * MINUTE)
    assert _firing(of) == []
    assert [of.quiet("answers"), of.quiet("labelled")] == [True, False]


@pytest.mark.parametrize("departs", [True, False])
def test_a_version_that_answers_again_begins_without_alarms(
    reference: Reference, example: Callable[..., Any], departs: bool
) -> None:
    """What is as bad as before fires anew; what is good fires nothing, however it was before. No clock is needed for it."""
    of, ask = _departing(reference)
    ask(batch(example(), [0] * 10, labels=True))
    of.advance(START + 10 * MINUTE)
    ask(batch(example(), [300] * 10, labels=True), departs)
    (window,) = of.advance(START + 310 * MINUTE)[:1]
    (judged,) = window.judged
    assert (judged.state, judged.since) == ("firing" if departs else "ok", window.end / 10**9)


def test_an_alarm_goes_on_over_a_short_pause(reference: Reference, example: Callable[..., Any]) -> None:
    """One window at its longest without a row ends nothing."""
    of, ask = _departing(reference)
    ask(batch(example(), [0] * 10, labels=True))
    of.advance(START + 90 * MINUTE)
    assert "answers" in _firing(of)
    ask(batch(example(), [95] * 10, labels=True), False)
    (window,) = of.advance(START + 100 * MINUTE)[:1]
    assert [judged.state for judged in window.judged] == ["firing"]
