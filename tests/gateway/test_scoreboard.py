"""Rollouts as a terminal shows them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console, RenderableType

from gateway.errors import SetupError
from gateway.scoreboard import diff_text, follow, history_table, rollout_table

VERDICT = {
    "gate": "accuracy worse by 0.02",
    "outcome": "inconclusive",
    "value": 0.0123,
    "interval": [-0.004, None],
    "limit": 0.02,
    "n_stable": 90000,
    "n_candidate": 1000,
    "sentence": "accuracy is worse by 0.0123",
}
ROLLOUT: dict[str, Any] = {
    "model": "flights",
    "stable": 1,
    "candidate": 2,
    "phase": "running",
    "reason": "all 1 gates pass",
    "step": 1,
    "steps": [1, 10.0, 50],
    "percent": 10.0,
    "weights": {"1": 90.0, "2": 10.0},
    "since": 1000.0,
    "answered": 312.0,
    "min_samples": 500,
    "waits_for": ["188 more answers of version 2 on this step", "accuracy is worse by 0.0123"],
    "verdicts": [
        VERDICT,
        {**VERDICT, "gate": "[bold]up[/bold] above 3", "outcome": "no_data", "value": None, "interval": None},
    ],
}


def drawn(what: RenderableType, colour: bool = False) -> str:
    """As text."""
    file = io.StringIO()
    Console(file=file, width=140, force_terminal=colour, color_system="standard" if colour else None).print(what)
    return file.getvalue()


def test_a_rollout_is_shown_with_all_that_decides_it() -> None:
    """Step, weights, samples, gates with intervals and verdicts, and what it waits for."""
    shown = drawn(rollout_table([ROLLOUT], now=1083.0))
    for words in (
        "flights  version 2 against version 1: running, 1 min 23 s",
        "step 2 of 4: 1 % · 10 % · 50 % · 100 %",
        "traffic: version 1 90 %, version 2 10 %",
        "answered on this step: 312 of 500",
        "-0.004 to ∞",
        "0.0123",
        "90,000",
        "inconclusive",
        "[bold]up[/bold] above 3",
        "no data",
        "waits for: 188 more answers of version 2 on this step",
    ):
        assert words in shown


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phase": "pending", "since": 900.0, "verdicts": []}, "pending, 3 min 03 s"),
        ({"phase": "waiting_approval", "since": -9000.0}, "waiting approval, 2 h 48 min"),
        ({"phase": "rolled_back", "reason": "accuracy is worse"}, "  accuracy is worse\n"),
        ({"phase": "succeeded", "waits_for": []}, "step 4 of 4"),
        ({"phase": "paused", "reason": "lunch", "waits_for": ["lunch"], "since": 2000.0}, "paused, 0 s"),
    ],
)
def test_every_phase_is_shown(changes: dict[str, Any], words: str) -> None:
    """With its reason, once."""
    shown = drawn(rollout_table([{**ROLLOUT, **changes}], now=1083.0))
    assert words in shown
    assert "waits for: lunch" not in shown


def test_without_rollouts_that_is_said() -> None:
    """Instead of an empty table."""
    assert drawn(rollout_table([])) == "no rollouts\n"


def test_following_goes_on_while_the_gateway_is_away() -> None:
    """Until Ctrl-C."""
    looks = iter([SetupError("no gateway answers"), [ROLLOUT], KeyboardInterrupt()])

    def rollouts() -> Sequence[dict[str, Any]]:
        look = next(looks)
        if isinstance(look, BaseException):
            raise look
        return look

    file = io.StringIO()
    follow(rollouts, Console(file=file, width=120, force_terminal=True), every_s=0.0)
    assert "no gateway answers" in file.getvalue()
    assert "version 2 against version 1" in file.getvalue()
    assert next(looks, None) is None


def test_a_diff_is_coloured_by_line() -> None:
    """What comes is green, what goes is red; the text stays as it is."""
    diff = "--- in force\n+++ planned\n@@ -1 +1 @@\n m:\n-  a: [1]\n+  a: [2]\n"
    assert diff_text(diff).plain == diff
    shown = drawn(diff_text(diff), colour=True)
    assert "\x1b[32m+  a: [2]" in shown
    assert "\x1b[31m-  a: [1]" in shown


def test_history_is_a_table() -> None:
    """Times in UTC, words as they are."""
    event = {"model": "flights", "who": "[i]ann", "what": "pause", "before": "running at 1 %", "after": "paused at 1 %"}
    shown = drawn(history_table([{"time": "2026-11-23T14:00:01.5+01:00", "why": "lunch", **event}]))
    for words in ("2026-11-23 13:00:01", "[i]ann", "paused at 1 %", "lunch"):
        assert words in shown


def test_history_can_be_read_in_a_narrow_terminal() -> None:
    """As wide as a pipe's: names are not broken, and words are."""
    event = {"model": "flights-of-all-airlines", "who": "driftgate", "what": "supersede", "before": "running at 10 %"}
    event |= {"time": "2026-11-23T14:00:01+00:00", "after": "superseded at 0 %", "why": "the configuration has " * 5}
    file = io.StringIO()
    Console(file=file, width=80).print(history_table([event]))
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].startswith("2026-11-23 14:00:01")
    assert len(lines) < 10
