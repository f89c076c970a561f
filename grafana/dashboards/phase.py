"""Where rollouts are, and what their gates say: states as numbers, with the words and colours that stand for them."""

from __future__ import annotations

from typing import get_args

from gateway.rollout.gates import Outcome
from gateway.rollout.machine import Phase
from grafana.dashboards.foundation import units
from grafana.dashboards.look import BAD, FAINT, GOOD, PLAIN, WATCH, Look, Words
from grafana.dashboards.query import coded

NONE = "No rollout"

_PHASES: tuple[str, ...] = get_args(Phase)
_VERDICTS: tuple[str, ...] = get_args(Outcome)
_COLOURS = {
    **{"pending": FAINT, "running": PLAIN, "paused": WATCH, "waiting_approval": "purple", "succeeded": GOOD},
    **{"rolled_back": BAD, "aborted": WATCH, "superseded": FAINT},
    **{"pass": GOOD, "fail": BAD, "inconclusive": PLAIN, "no_data": FAINT, "error": WATCH},
}


def _look(names: tuple[str, ...]) -> Look:
    words: Words = tuple((float(at), name.replace("_", " "), _COLOURS[name]) for at, name in enumerate(names, 1))
    return Look(units.NoUnit, ((None, FAINT),), ((0.0, NONE, FAINT), *words), empty=NONE)


PHASE = coded("driftgate_rollout_phase", "phase", _PHASES, "model")
"""Of each model that has had a rollout, the place of its phase among all."""
IN_PHASE = _look(_PHASES)

VERDICT = coded("driftgate_rollout_verdict", "verdict", _VERDICTS, "gate")
"""Of each gate, the place of what it says."""
JUDGED = _look(_VERDICTS)
