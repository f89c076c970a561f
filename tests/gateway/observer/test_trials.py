"""What is counted for rollouts."""

from __future__ import annotations

import dataclasses

import msgspec

from gateway.observer.trials import Asked, Trials
from gateway.record import Answers, Layout
from gateway.rollout.evidence import Arm
from gateway.rollout.expectation import Expectation
from tests.gateway.store.answering import START, answers

MS = 1_000_000


class Site:
    """Trials that count how often something had to be looked up."""

    def __init__(self) -> None:
        self.looked: list[str] = []
        self.trials = Trials(self.expect)

    def expect(self, layout: Layout) -> Expectation:
        """Of a version without a reference."""
        self.looked.append(layout.stamp)
        return Expectation(layout, None)

    def ask(self, *starts_ms: int) -> list[float]:
        """Answers of version 1 by step."""
        found = self.trials.ask("flights", Asked("1-2-0", (1, 2), tuple(START + at * MS for at in starts_ms)))
        return [Arm.restore(plain).answered for plain in found[1]]


def told(stamp: str) -> Answers:
    """Ten rows, a ms apart."""
    found = answers([str(one) for one in range(10)])
    return dataclasses.replace(found, layout=msgspec.structs.replace(found.layout, stamp=stamp))


def test_steps_that_the_checkpoint_does_not_know_are_told_of() -> None:
    """What is read again after a crash would be counted for the step before."""
    site = Site()
    site.ask(0)
    assert site.trials.changed
    kept = site.trials.export()
    assert not site.trials.changed
    site.ask(0)
    assert not site.trials.changed
    site.ask(0, 4)
    assert site.trials.changed
    kept = site.trials.export()
    again = Trials(site.expect, kept)
    again.answers(told("a"))
    site.trials = again
    assert site.ask(0, 4) == [4, 6]


def test_what_is_known_of_files_that_are_gone_is_forgotten() -> None:
    """However often they are replaced; and all of it when the rollout is over."""
    site = Site()
    site.ask(0)
    for stamp in ("a", "b", "a", "b", "c", "d", "e"):
        site.trials.answers(told(stamp))
    assert site.looked == ["a", "b", "c", "d", "e"]
    assert len(site.trials._expectations) == 2
    site.trials.keep([])
    assert not site.trials._expectations
