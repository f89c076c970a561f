"""Windows follow from the rows, not from how they came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.checkpoint import pack, unpack
from monitors.errors import CheckpointRefused
from monitors.portion import Watch
from monitors.reference import Reference
from monitors.settings import Settings
from monitors.window import ANSWERS, LABELLED, Span, Windows
from tests.monitors.answering import MINUTE, START, Counting, batch

Cut = tuple[int, int, int]


def _windows(reference: Reference, **chosen: Any) -> Windows:
    limits = Settings(**{"rows": 10, "at_most": 3600.0, **chosen})
    every = round(limits.every * 10**9)
    answers = Watch(reference, (Counting(),), (), every)
    return Windows(limits, {ANSWERS: answers, LABELLED: Watch(reference, (Counting("labelled"),), (), every)})


def _cut(span: Span) -> Cut:
    return span.start - START // MINUTE, span.end - START // MINUTE, span.rows


def _closed(of: Windows, *batches: Any) -> list[Cut]:
    found = []
    for rows in batches:
        of.answers(rows)
        found += [_cut(span) for span in of.advance()]
    return found + [_cut(span) for span in of.finish()]


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        pytest.param([0.5] * 10, [(0, 1, 10)], id="the pane that brings enough closes it"),
        pytest.param([0.5] * 25, [(0, 1, 25)], id="a pane is never divided"),
        pytest.param(
            [0] * 6 + [1] * 6 + [2] * 3, [(0, 2, 12), (2, 3, 3)], id="panes are joined until they hold enough"
        ),
        pytest.param([0, 30, 59.9, 60], [(0, 60, 3), (60, 61, 1)], id="after at_most it closes with fewer"),
        pytest.param([0, 500], [(0, 60, 1), (500, 501, 1)], id="a window begins with an answer"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_windows_are_cut_by_rows_and_by_time(
    reference: Reference, example: Callable[..., Any], minutes: Sequence[float], expected: list[Cut]
) -> None:
    """Whole panes, until there are enough rows or enough time has passed."""
    assert _closed(_windows(reference), batch(example(), minutes)) == expected


@settings(max_examples=40, deadline=None)
@given(
    minutes=st.lists(st.floats(0, 200), min_size=1, max_size=60),
    seed=st.integers(0, 100),
    pieces=st.integers(1, 8),
)
def test_neither_order_nor_batches_matter(minutes: list[float], seed: int, pieces: int) -> None:
    """Rows that are at most `lateness` out of order give the same windows as the same rows at once."""
    example = _example()
    reference = Reference.build(*example)
    at_once = _closed(_windows(reference, lateness=60.0), batch(example, minutes))
    ordered = np.sort(np.array(minutes))
    shuffled = ordered[np.argsort(ordered + np.random.default_rng(seed).random(len(ordered)) * 0.9)]
    parts = [batch(example, part) for part in np.array_split(shuffled, pieces)]
    of = _windows(reference, lateness=60.0)
    assert _closed(of, *parts) == at_once
    assert of.late == 0


def test_a_late_answer_counts_in_the_oldest_open_pane(reference: Reference, example: Callable[..., Any]) -> None:
    """It is not lost, it is told, and no window that is closed changes."""
    of = _windows(reference)
    first = _closed_now(of, batch(example(), [0.5] * 10 + [5]))
    of.answers(batch(example(), [0.2]))
    assert first == [(0, 1, 10)]
    assert of.late == 1
    assert [_cut(span) for span in of.finish()] == [(4, 6, 2)]


def test_an_idle_window_closes_by_the_clock(reference: Reference, example: Callable[..., Any]) -> None:
    """Nobody waits for a next request to learn of the last."""
    of = _windows(reference)
    assert _closed_now(of, batch(example(), [0.5] * 3)) == []
    assert [_cut(span) for span in of.advance(START + 59 * MINUTE)] == []
    assert [_cut(span) for span in of.advance(START + 60 * MINUTE)] == [(0, 60, 3)]


def test_a_watermark_never_goes_back(reference: Reference, example: Callable[..., Any]) -> None:
    """What is closed stays closed."""
    of = _windows(reference)
    of.answers(batch(example(), [0.5] * 10))
    assert len(list(of.advance(START + 2 * MINUTE))) == 1
    assert list(of.advance(START)) == []
    assert of.boundary == START // MINUTE + 2


@pytest.mark.parametrize("kept", [False, True])
def test_a_clock_that_was_ahead_silences_nothing(reference: Reference, example: Callable[..., Any], kept: bool) -> None:
    """Once it is set back, windows close by the right time again: those of rows from before, during and after."""
    of = _windows(reference)
    of.answers(batch(example(), [0] * 3))
    month = 30 * 24 * 60
    assert [_cut(span) for span in of.advance(START + month * MINUTE)] == [(0, 60, 3)]
    of.answers(batch(example(), [month] * 10 + [month + 5] * 2))
    assert [_cut(span) for span in of.advance(START + (month + 1) * MINUTE)] == [(month, month + 1, 10)]
    assert list(of.advance(START + 2 * MINUTE)) == []
    if kept:
        of, before = _windows(reference), of
        of.load(unpack(pack(before.dump())))
    of.answers(batch(example(), [3] * 10 + [4] * 10))
    assert [_cut(span) for span in of.advance(START + 5 * MINUTE)] == [(3, 4, 10), (4, 5, 10)]
    assert of.late == 0
    assert [_cut(span) for span in of.finish()] == [(month + 5, month + 6, 2)]


def test_a_clock_that_was_ahead_leaves_no_window_open(reference: Reference, example: Callable[..., Any]) -> None:
    """What was gathered by it is not mixed with what comes after."""
    of = _windows(reference)
    of.answers(batch(example(), [1000] * 3))
    assert list(of.advance(START + 1001 * MINUTE)) == []
    assert [_cut(span) for span in of.advance(START)] == [(1000, 1001, 3)]
    assert _closed(of, batch(example(), [1] * 10)) == [(1, 2, 10)]


def test_a_few_answers_far_ahead_do_not_move_the_watermark(reference: Reference, example: Callable[..., Any]) -> None:
    """Their own times say nothing of that of the others, until there are more of them."""
    of = _windows(reference)
    years = 10 * 365 * 24 * 60
    assert _closed_now(of, batch(example(), [0.5] * 10 + [1, years])) == []
    assert _closed_now(of, batch(example(), [1] * 10 + [2, 3])) == [(0, 1, 10), (1, 2, 11)]
    assert of.late == 0
    assert _closed_now(of, batch(example(), [years, years])) == [(2, 62, 2)]


def test_labelled_rows_find_the_pane_in_which_they_were_asked(
    reference: Reference, example: Callable[..., Any]
) -> None:
    """Those of open panes and of the open window go there; those of closed windows come back."""
    of = _windows(reference)
    assert _closed_now(of, batch(example(), [0] * 10 + [1, 2, 9])) == [(0, 1, 10)]
    past = of.labelled(batch(example(), [0, 1, 2, 9], labels=True))
    assert past is not None
    assert len(past) == 1
    (span,) = of.finish()
    assert span.parts[LABELLED].rows == 3


def test_refusals_open_a_window_and_close_it(reference: Reference, example: Callable[..., Any]) -> None:
    """They are counted by code; with answers they make up as many as a window holds."""
    of = _windows(reference)
    for minute in (0, 1, 1):
        of.refused(START + minute * MINUTE, "bad_input")
    assert list(of.advance(START + 2 * MINUTE)) == []
    of.answers(batch(example(), [2] * 7))
    (span,) = of.advance(START + 3 * MINUTE)
    assert (_cut(span), span.refused) == ((0, 3, 7), {"bad_input": 3})


def test_many_refusals_close_a_window_early(reference: Reference) -> None:
    """A model that refuses everything is seen within minutes, however quiet it is."""
    of = _windows(reference, rows=1000)
    for second in range(180):
        of.refused(START + second * 10**9, "bad_input")
    closed = list(of.advance(START + 3 * MINUTE))
    assert [(_cut(span), span.refused) for span in closed] == [((m, m + 1, 0), {"bad_input": 60}) for m in range(3)]


def test_rows_that_nobody_closes_are_bounded(
    reference: Reference, example: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watermark that stands still costs precision, not memory."""
    monkeypatch.setattr("monitors.window.MOST_PANES", 50)
    of = _windows(reference)
    for minute in range(200):
        of.answers(batch(example(), [minute]))
        list(of.advance(START))
    assert len(of.panes) <= 51


def test_a_checkpoint_goes_on_where_it_was_taken(reference: Reference, example: Callable[..., Any]) -> None:
    """With rows that wait, an open window and open panes."""
    of, again = _windows(reference), _windows(reference)
    rest = batch(example(), [3, 3.5, 70])
    _closed_now(of, batch(example(), [0] * 4 + [1] * 3))
    again.load(unpack(pack(of.dump())))
    assert _closed(again, rest) == _closed(of, rest)
    with pytest.raises(CheckpointRefused, match="found panes of 60000000000 ns"):
        _windows(reference, every=30.0).load(of.dump())


def _closed_now(of: Windows, rows: Any) -> list[Cut]:
    of.answers(rows)
    return [_cut(span) for span in of.advance()]


def _example() -> Any:
    from tests.monitors.conftest import _example as example

    return example()
