"""What was in the newest window outlives its counts: small, exact, and the same however rows came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitors.checkpoint import pack, unpack
from monitors.errors import CheckpointRefused
from monitors.hub import Hub
from monitors.portrait import Portrait
from monitors.reference import Reference
from monitors.registry import hub, monitors_for
from monitors.settings import Settings
from tests.monitors.answering import MINUTE, START, batch
from tests.monitors.test_contract import REFERENCES, TASKS, _rows

LIMITS = Settings(rows=100, lateness=60.0)


def _plain(portrait: Portrait | None) -> Any:
    assert portrait is not None
    counts = {each.quantity.name: each.counts.tolist() for each in portrait.distributions}
    return portrait.start, portrait.end, portrait.rows, counts, dict(portrait.psi), dict(portrait.groups)


def _fed(reference: Reference, rows: Any, pieces: int) -> Hub:
    of = hub(reference, ("origin", "sex"), LIMITS)
    for part in np.array_split(np.arange(len(rows)), pieces):
        of.answers(rows.take(part))
        of.advance()
    of.advance(START + 200 * MINUTE)
    return of


def test_a_portrait_is_of_the_newest_window(reference: Reference, example: Callable[..., Any]) -> None:
    """Every input with all of its rows, and of each group how many there were."""
    rows = batch(example(), np.sort(np.random.default_rng(1).random(250) * 50))
    of = _fed(reference, rows, 1)
    portrait, window = of.portrait, of.latest()[0]
    assert portrait is not None
    assert (portrait.start, portrait.end, portrait.rows) == (window.start, window.end, window.n)
    names = [each.quantity.name for each in portrait.distributions]
    assert {"temperature", "distance", "origin", "image/error", "score"} <= set(names)
    assert {int(each.counts.sum()) for each in portrait.distributions} == {window.n}
    assert portrait.groups["sex=f"] + portrait.groups["sex=m"] == window.n
    ranked = portrait.ranked()
    assert ranked[0].answer
    drifted = [portrait.psi[each.quantity.name] for each in ranked[1:]]
    assert drifted == sorted(drifted, reverse=True)


def test_neither_order_nor_batches_change_it(reference: Reference, example: Callable[..., Any]) -> None:
    """Nor a restart."""
    minutes = np.sort(np.random.default_rng(1).random(250) * 50)
    whole = batch(example(), minutes)
    shuffled = whole.take(np.argsort(minutes + np.random.default_rng(2).random(250) * 0.9))
    of = _fed(reference, whole, 1)
    assert _plain(of.portrait) == _plain(_fed(reference, shuffled, 13).portrait)
    again = hub(reference, ("origin", "sex"), LIMITS)
    again.restore(of.checkpoint())
    assert _plain(again.portrait) == _plain(of.portrait)
    assert [each.answer for each in again.portrait.ranked()] == [each.answer for each in of.portrait.ranked()]  # type: ignore[union-attr]


def test_a_window_of_refusals_alone_leaves_the_portrait_of_the_one_before(
    reference: Reference, example: Callable[..., Any]
) -> None:
    """It has nothing to show."""
    of = _fed(reference, batch(example(), np.linspace(0, 5, 100)), 1)
    before = of.portrait
    of.refused(START + 300 * MINUTE, "bad_input")
    of.finish()
    assert before is not None
    assert of.portrait is before


def test_a_checkpoint_from_before_there_were_portraits_is_taken(
    reference: Reference, example: Callable[..., Any]
) -> None:
    """What it has is worth more than what it lacks."""
    of = _fed(reference, batch(example(), np.linspace(0, 5, 100)), 1)
    tree = unpack(of.checkpoint())
    del tree["portrait"]
    again = hub(reference, ("origin", "sex"), LIMITS)
    again.restore(pack(tree))
    assert again.portrait is None
    assert len(again.history()) == len(of.history())


def test_a_portrait_over_other_bins_is_refused(reference: Reference, example: Callable[..., Any]) -> None:
    """It would show the rows of one bin in another."""
    of = _fed(reference, batch(example(), np.linspace(0, 5, 100)), 1)
    assert of.portrait is not None
    tree = of.portrait.dump()
    tree[3] = tree[3][:-1]
    with pytest.raises(CheckpointRefused, match="cells"):
        Portrait.load(tree, monitors_for(reference, (), LIMITS))


@pytest.mark.parametrize(
    ("task", "answer"), [("binary", "score"), ("multiclass", "class"), ("regression", "score"), ("other", None)]
)
def test_answers_are_shown_as_people_read_them(task: str, answer: str | None) -> None:
    """Several classes by name, everything else by its score."""
    of = hub(REFERENCES[task], ("sex",), LIMITS)
    of.answers(_rows(task, 300))
    of.finish()
    assert of.portrait is not None
    assert [each.quantity.name for each in of.portrait.ranked() if each.answer] == ([answer] if answer else [])
    assert bool(of.portrait.groups) == (task != "other")
    assert task in TASKS


def test_a_portrait_is_small(reference: Reference, example: Callable[..., Any]) -> None:
    """However many rows and groups the window had."""
    of = hub(reference, ("sex",), Settings(rows=20_000))
    rows = batch(example(), np.linspace(0, 5, 20_000))
    rows.groups["sex"][:] = np.array([f"g{i}" * 100 for i in range(20_000)], object)
    of.answers(rows)
    of.finish()
    assert of.portrait is not None
    assert len(of.portrait.groups) <= 33
    assert len(pack(of.portrait.dump())) < 20_000
