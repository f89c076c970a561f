"""Evidence by the steps of a rollout, and the two arms made comparable over all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gateway.record import Answers, Refusals
from gateway.rollout.evidence import OWN, Arm
from gateway.rollout.expectation import Expectation
from monitors.record import Batch


class Strata:
    """The arms of one model by version and step. Rows belong to the step during which they were asked for.

    So labels that come late count where they belong, and those of answers from before the rollout count nowhere.
    """

    def __init__(self, exported: Mapping[str, Any] | None = None) -> None:
        kept = exported or {"starts": [], "arms": []}
        self.starts: tuple[int, ...] = tuple(kept["starts"])
        self._arms = {(version, start): Arm.restore(plain) for version, start, plain in kept["arms"]}

    def follow(self, starts: Sequence[int]) -> None:
        """The steps began at these times, ns, ascending. Those that are no longer named are forgotten."""
        if tuple(starts) != self.starts:
            self.starts = tuple(starts)
            self._arms = {key: arm for key, arm in self._arms.items() if key[1] in self.starts}

    def answers(self, answers: Answers, batch: Batch, expectation: Expectation) -> None:
        """Adds answered rows of primaries; those that a client or a rule sent to this version are left out."""
        steps = self._compared(answers)
        for step in _held(steps):
            chosen = steps == step
            whole = bool(chosen.all())
            part = answers if whole else _taken(answers, chosen)
            arm = self._arm(answers.layout.version, step)
            arm.answers(part, batch if whole else batch.take(chosen), expectation)

    def labelled(
        self, answers: Answers, batch: Batch, previous: Sequence[Any] | None, expectation: Expectation
    ) -> None:
        """Adds rows with batch.labels; previous: the labels that they replace, None where there was none."""
        steps = self._compared(answers)
        before = np.empty(len(batch), object)
        before[:] = previous if previous is not None else [None] * len(batch)
        corrected = np.array([value is not None for value in before.tolist()], bool)
        for step in _held(steps):
            arm, chosen = self._arm(answers.layout.version, step), steps == step
            arm.labels(batch.take(chosen), expectation)
            if (chosen & corrected).any():
                arm.labels(_relabelled(batch, before).take(chosen & corrected), expectation, -1)

    def refused(self, model: str, refusals: Refusals) -> None:
        """Adds the refusals of the model's requests for which a version had been chosen."""
        steps = self._steps(np.array(refusals.time, np.int64)).tolist()
        for row, step in enumerate(steps):
            mine = refusals.model[row] == model and refusals.role[row] == "primary" and refusals.version[row]
            if step >= 0 and mine and refusals.route[row] not in OWN:
                self._arm(refusals.version[row], step).refused((refusals.code[row],))

    def compared(self, version: int, time: Sequence[int], differs: Sequence[bool]) -> None:
        """Adds rows that were answered by this version and by the one that it is compared with, one of them as a shadow."""
        steps, apart = self._steps(np.array(time, np.int64)), np.array(differs, bool)
        for step in _held(steps):
            chosen = steps == step
            self._arm(version, step).compare(int(chosen.sum()), int((chosen & apart).sum()))

    def arms(self, version: int) -> tuple[Arm, ...]:
        """One for each step."""
        return tuple(self._arms.get((version, start)) or Arm() for start in self.starts)

    def export(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        arms = [[version, start, arm.export()] for (version, start), arm in self._arms.items()]
        return {"starts": list(self.starts), "arms": arms}

    def _arm(self, version: int, step: int) -> Arm:
        return self._arms.setdefault((version, self.starts[step]), Arm())

    def _compared(self, answers: Answers) -> Any:
        """The step of each row, int64 [n]; −1 where it is of none, or no comparison."""
        if answers.role != "primary" or not self.starts:
            return np.full(len(answers), -1)
        steps = self._steps(answers.time)
        if not OWN.isdisjoint(answers.route):
            steps[np.isin(np.array(answers.route), list(OWN))] = -1
        return steps

    def _steps(self, time: Any) -> Any:
        return np.searchsorted(np.array(self.starts, np.int64), time, side="right") - 1


def matched(
    stable: Sequence[Arm], candidate: Sequence[Arm], rows: Callable[[Arm], float], least: float = 1
) -> tuple[Arm, Arm]:
    """Both arms over all steps, stable's steps weighted as the candidate's are.

    The candidate's share grows from step to step, so most of its answers are late ones and most of stable's early ones: added
    up as they are, a busy evening would look like the candidate's doing. rows: how many of an arm's rows matter for the
    question at hand. Steps in which either arm has fewer than `least` are left out. The weighted sums count as so many rows
    as they are worth (Kish): (Σ w·n)² / Σ w²·n.

    >>> one, other = matched([Arm(answered=990), Arm(answered=500)], [Arm(answered=10), Arm(answered=500)], lambda a: a.answered)
    >>> round(one.answered, 1), other.answered
    (520.1, 510)
    """
    pairs = [(a, b) for a, b in zip(stable, candidate, strict=True) if rows(a) >= least and rows(b) >= least]
    weights = [rows(b) / rows(a) for a, b in pairs]
    total = sum(weight * rows(a) for weight, (a, _) in zip(weights, pairs, strict=True))
    spread = sum(weight**2 * rows(a) for weight, (a, _) in zip(weights, pairs, strict=True))
    one, other = Arm(), Arm()
    for weight, (a, b) in zip(weights, pairs, strict=True):
        one, other = one.plus(a, weight * total / spread), other + b
    return one, other


def _held(steps: Any) -> list[int]:
    return [step for step in np.unique(steps).tolist() if step >= 0]


def _taken(answers: Answers, chosen: Any) -> Answers:
    """The columns that an arm reads."""
    return Answers(
        answers.layout,
        answers.role,
        [one for one, yes in zip(answers.request_id, chosen.tolist(), strict=True) if yes],
        answers.row[chosen],
        answers.time[chosen],
        [],
        [],
        answers.revision[chosen],
        [],
        answers.queue_us[chosen],
        answers.compute_us[chosen],
        answers.total_us[chosen],
        {},
        {},
        {},
        {},
    )


def _relabelled(batch: Batch, labels: Any) -> Batch:
    return Batch(batch.time, batch.ids, {}, batch.scores, batch.predictions, labels, batch.groups, batch.label_time)
