"""Evidence by step, and arms made comparable."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import numpy as np
import pytest

from gateway.observer.batches import batch
from gateway.record import Answers, Refusals
from gateway.rollout.evidence import Arm
from gateway.rollout.expectation import Expectation
from gateway.rollout.strata import Strata, matched
from tests.gateway.rollout.building import arm
from tests.gateway.store.answering import START, answers, layout, refusals

MS = 1_000_000
EXPECTATION = Expectation(layout(), None)


def fold(strata: Strata, told: Answers) -> None:
    """As the observer does."""
    strata.answers(told, batch(told), EXPECTATION)


def following(*starts_ms: int) -> Strata:
    """Steps that begin so many ms after START, where the first row is asked; each further row is a ms later."""
    strata = Strata()
    strata.follow([START + at * MS for at in starts_ms])
    return strata


def test_rows_belong_to_the_step_in_which_they_were_asked_for() -> None:
    """Those from before the rollout to none."""
    strata = following(2, 5)
    fold(strata, answers([str(one) for one in range(10)]))
    assert [each.answered for each in strata.arms(1)] == [3, 5]
    assert [each.answered for each in strata.arms(2)] == [0, 0]


def test_labels_belong_to_the_step_of_their_answer() -> None:
    """However late they come."""
    strata = following(2, 5)
    told = answers([str(one) for one in range(10)])
    strata.labelled(told, batch(told, [one % 2 for one in range(10)]), None, EXPECTATION)
    assert [each.labelled.n for each in strata.arms(1)] == [3, 5]
    strata.labelled(told, batch(told, [1] * 10), [one % 2 for one in range(10)], EXPECTATION)
    assert [each.labelled.actual.tolist() for each in strata.arms(1)] == [[0, 3], [0, 5]]


@pytest.mark.parametrize("route", ["pinned", "rule"])
def test_who_asked_for_a_version_is_no_comparison(route: str) -> None:
    """Only what chance has sent there is."""
    strata = following(0)
    told = dataclasses.replace(answers(["a", "b", "c"]), route=["candidate", route, "split"])
    fold(strata, told)
    strata.labelled(told, batch(told, [0, 0, 0]), None, EXPECTATION)
    assert (strata.arms(1)[0].answered, strata.arms(1)[0].labelled.n) == (2, 2)


def test_shadows_are_not_primaries() -> None:
    """They count where they are compared."""
    strata = following(0, 2)
    fold(strata, answers(["a", "b"], role="shadow"))
    strata.compared(2, [START, START + 3 * MS, START - 1], [True, False, True])
    assert [(each.answered, each.compared, each.disagreed) for each in strata.arms(2)] == [(0, 1, 1), (0, 1, 0)]


def test_refusals_count_where_a_version_was_chosen() -> None:
    """Of this model, and not of those that were pinned to it."""

    def told(**changes: Any) -> Refusals:
        return dataclasses.replace(refusals(["x"]), code=["internal"], version=[2], **changes)

    strata = following(0)
    strata.refused("flights", told())
    strata.refused("flights", told(route=["pinned"]))
    strata.refused("digits", told())
    strata.refused("flights", dataclasses.replace(told(), version=[0]))
    assert strata.arms(2)[0].failed == 1


def test_steps_are_added_kept_and_forgotten() -> None:
    """By their beginning; also over a checkpoint."""
    strata = following(0, 5)
    fold(strata, answers([str(one) for one in range(10)]))
    again = Strata(msgspec.msgpack.decode(msgspec.msgpack.encode(strata.export())))
    again.follow([START, START + 5 * MS, START + 20 * MS])
    assert [each.answered for each in again.arms(1)] == [5, 5, 0]
    again.follow([START + 5 * MS])
    assert [each.answered for each in again.arms(1)] == [5]
    again.follow([])
    assert again.arms(1) == ()


def test_stables_steps_weigh_as_much_as_the_candidates() -> None:
    """Five times more errors for both in the second step: added up as they are, only the candidate would have them."""
    stable = [arm(99_000, 990), arm(50_000, 2500)]
    candidate = [arm(1000, 10), arm(50_000, 2500)]
    one, other = matched(stable, candidate, lambda each: each.requests)
    assert one.failed / one.requests == pytest.approx(other.failed / other.requests)
    pooled = sum(stable, Arm())
    assert other.failed / other.requests > 2 * pooled.failed / pooled.requests


def test_a_step_that_one_arm_has_not_seen_is_left_out() -> None:
    """There is nothing to compare it with."""
    one, other = matched([arm(100), Arm()], [arm(10), arm(10)], lambda each: each.requests)
    assert (one.requests, other.requests) == (pytest.approx(100), 10)
    empty, nothing = matched([], [], lambda each: each.requests)
    assert empty.requests == nothing.requests == 0


def test_weighted_rows_are_worth_what_their_spread_says() -> None:
    """The variance of the weighted share, drawn 1,000 times, is that of as many plain rows as matched says."""
    random, found = np.random.default_rng(1), []
    for _ in range(1000):
        stable = [Arm(answered=990 - k, errors=Arm().errors | {"internal": k}) for k in random.binomial([990, 90], 0.2)]
        stable[1].answered -= 900
        one, _ = matched(stable, [Arm(answered=10), Arm(answered=90)], lambda each: each.requests)
        found.append(one.failed / one.requests)
    assert np.var(found) == pytest.approx(0.16 / one.requests, rel=0.15)
