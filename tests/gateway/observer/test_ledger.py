"""What was answered, counted once, with the newest trace of each bucket and the time that labels took."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import pytest

from gateway.journal.reader import HOLD_NS
from gateway.labels.label import Label
from gateway.observer.exemplars import Exemplars
from gateway.observer.histogram import BUCKETS, LABEL_BUCKETS, Histogram
from gateway.observer.ledger import Ledger, Subject
from tests.gateway.journal.conftest import answered
from tests.gateway.observer.test_fold import NOW, Site
from tests.gateway.store.answering import START, answers

SECOND = 10**9
FLIGHTS = Subject("flights", 1, "primary")


def ledger(exported: bytes | None = None) -> Ledger:
    """One that knows every model."""
    return Ledger(lambda model: True, exported)


def test_a_bucket_keeps_the_newest_request_that_has_a_trace() -> None:
    """In whatever order they come, and however they are cut into batches."""
    ids = ["a", "", "b", "c", ""]
    durations, began = np.array([80, 70, 90, 7_000, 1]), np.array([5, 9, 4, 1, 8]) * SECOND
    whole, parts = Exemplars(), Exemplars()
    whole.add(ids, durations, began)
    for part in ([3, 4], [2, 0], [1]):
        parts.add([ids[place] for place in part], durations[part], began[part])
    found = whole.by_bucket()
    fast, slow = BUCKETS.index(0.0001), BUCKETS.index(0.01)
    assert {place: each.trace_id for place, each in found.items()} == {fast: "a", slow: "c"}
    assert (found[slow].value, found[slow].time) == (0.007, 1.007)
    assert parts.by_bucket() == found


def test_there_are_no_more_exemplars_than_buckets() -> None:
    """Whatever comes."""
    random = np.random.default_rng(0)
    exemplars = Exemplars()
    for _ in range(5):
        ids = [f"{number:032x}" for number in random.integers(1, 2**62, 1_000)]
        exemplars.add(ids, 10 ** random.integers(1, 9, 1_000), random.integers(0, 2**60, 1_000))
    assert len(exemplars.by_bucket()) <= len(BUCKETS) + 1


def test_only_requests_with_a_trace_are_exemplars() -> None:
    """One for each request, and not for each row."""
    counted = ledger()
    counted.answers(answers(["a", "a", "b"], rows=[0, 1, 0]))
    (exemplar,) = counted.accounts[FLIGHTS].exemplars.by_bucket().values()
    assert exemplar.trace_id == f"{2:032x}"
    assert exemplar.value == pytest.approx(22e-6)


def test_the_delay_of_a_label_is_counted_once() -> None:
    """Of the first label of a row, and of answers to clients only; one that was known before its answer took no time."""
    counted, rows = ledger(), answers(["a", "b", "c", "d"])
    after = np.array([90 * SECOND, 3 * 86_400 * SECOND, 10 * SECOND, -SECOND])
    counted.labelled(rows, rows.time + after, [None, None, 1, None])
    counted.labelled(dataclasses.replace(rows, role="shadow"), rows.time + after, [None] * 4)
    delays = counted.delays["flights"]
    assert dict(zip([*LABEL_BUCKETS, "more"], delays.counts, strict=True)) == dict.fromkeys(
        [*LABEL_BUCKETS, "more"], 0
    ) | {1.0: 1, 300.0: 1, 4 * 86_400.0: 1}
    assert delays.sum_us == 90 * 10**6 + 3 * 86_400 * 10**6


@pytest.mark.parametrize("early", [True, False])
def test_labels_are_counted_whether_they_come_before_or_after_their_answer(tmp_path: Path, early: bool) -> None:
    """By the time that they carry."""
    site = Site(tmp_path)
    journal, fold = site.journal(), site.fold()
    for step in ("label", "answer") if early else ("answer", "label"):
        if step == "answer":
            journal.append(answered(NOW, "a"))
        else:
            fold.inbox.accept([Label("scale", "a", 0, 1, NOW + 3_600 * SECOND)], NOW)
        fold.drain(NOW + HOLD_NS)
    assert fold.ledger.delays["scale"].sum_us == 3_600 * 10**6
    assert fold.ledger.delays["scale"].counts[LABEL_BUCKETS.index(3_600.0)] == 1
    site.close()


def test_the_next_process_goes_on_where_this_one_was() -> None:
    """With counts, traces and delays."""
    counted, rows = ledger(), answers([f"{place}" for place in range(6)])
    counted.answers(rows)
    counted.labelled(rows, rows.time + 60 * SECOND, [None] * 6)
    again = ledger(counted.export())
    assert again.export() == counted.export()
    assert again.accounts[FLIGHTS].exemplars.by_bucket() == counted.accounts[FLIGHTS].exemplars.by_bucket()
    assert again.delays["flights"].counts == counted.delays["flights"].counts


def test_what_was_written_before_there_were_exemplars_is_read() -> None:
    """Counters go on where they were."""
    counted = ledger()
    counted.answers(answers(["a", "b"]))
    tree = msgspec.msgpack.decode(counted.export())["accounts"]
    for _, account in tree:
        del account["exemplars"]
    again = ledger(msgspec.msgpack.encode(tree))
    assert again.accounts[FLIGHTS].outcomes == {"ok": 2}
    assert again.delays == {}


def test_absurd_times_of_labels_break_nothing() -> None:
    """Nor do millions of them that are months late."""
    counted, rows = ledger(), answers([f"{place}" for place in range(50)])
    for _ in range(50):
        counted.labelled(rows, np.full(50, np.iinfo(np.int64).max), [None] * 50)
    delays = ledger(counted.export()).delays["flights"]
    assert delays.counts[-1] == 2_500
    assert delays.sum_us == pytest.approx(2_500 * (np.iinfo(np.int64).max - START) / 1_000, rel=1e-6)


def test_counts_over_fewer_bounds_are_taken_over() -> None:
    """As an earlier program wrote them: what it did not tell apart counts below its lowest bound."""
    old = Histogram([5, *[0] * (len(BUCKETS) - 3), 7], 1)
    assert old.counts == [0, 0, 5, *[0] * (len(BUCKETS) - 3), 7]


def test_labels_of_seconds_and_of_a_minute_are_told_apart() -> None:
    """Else the median of a replay is half of the first bucket. Those that were counted by the minute go on."""
    old = Histogram([5, *[0] * 12, 7], 1, LABEL_BUCKETS)
    old.add(np.array([900_000, 4_000_000, 14_000_000, 50_000_000]))
    assert old.counts[:5] == [1, 1, 1, 6, 0]
    assert old.counts[-1] == 7


def test_a_sum_beyond_what_can_be_written_is_kept_to_16_digits() -> None:
    """It is a rate that people look at."""
    assert Histogram(**Histogram(sum_us=10**20).export()).sum_us == 10**20
