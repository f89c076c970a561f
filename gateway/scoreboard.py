"""Rollouts, their history, and plans, as a terminal shows them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gateway.errors import GatewayError

_OUTCOMES = {"pass": "green", "fail": "bold red", "inconclusive": "yellow", "no_data": "dim", "error": "magenta"}
_PHASES = {
    "running": "cyan",
    "pending": "yellow",
    "paused": "yellow",
    "waiting_approval": "yellow",
    "succeeded": "green",
    "rolled_back": "bold red",
}
_DIFF = {"+": "green", "-": "red", "@": "cyan"}

_CHANGE = 30  # columns: in a narrow terminal names are cut before this is

Standing = dict[str, Any]
"""Of one rollout: model, stable, candidate, phase, reason, step (from 0), steps (percent), percent, weights (percent by version),
since (s since the epoch), answered, min_samples (both of the candidate, on this step), waits_for (sentences), verdicts: gate,
outcome, value, interval (null where it is open), limit, n_stable, n_candidate."""


def rollout_table(rollouts: Sequence[Standing], now: float | None = None) -> RenderableType:
    """Each rollout: its step, weights and samples, each gate with its interval and verdict, and what it waits for."""
    now = time.time() if now is None else now
    if not rollouts:
        return Text("no rollouts")
    return Group(*(part for rollout in rollouts for part in _rollout(rollout, now)))


def follow(rollouts: Callable[[], Sequence[Standing]], console: Console, every_s: float = 1.0) -> None:
    """Redraws the table until Ctrl-C. While the gateway does not answer, it says so and goes on."""
    with Live(Text("…"), console=console, auto_refresh=False) as live:
        try:
            while True:
                live.update(_now(rollouts), refresh=True)
                time.sleep(every_s)
        except KeyboardInterrupt:
            return


def history_table(events: Sequence[dict[str, Any]]) -> Table:
    """When, of which model, who, what; from where to where, and why. Only the last column is ever wrapped, between words."""
    table = Table(box=None, pad_edge=False)
    for name in ("time (UTC)", "model", "who", "what"):
        table.add_column(name, no_wrap=True)
    table.add_column("change", overflow="fold", min_width=_CHANGE)
    for event in events:
        moment = datetime.fromisoformat(event["time"]).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(*map(Text, (moment, event["model"], event["who"], event["what"], _change(event))))
    return table


def shadow_table(shadows: Sequence[dict[str, Any]]) -> RenderableType:
    """What each made of its primaries, how far it is behind, what it says otherwise, and why it does not run."""
    table = Table("shadow", "answered", "not", "behind", "against", "disagrees", "distance", "cost", box=None)
    for shadow in shadows:
        answered = shadow["outcomes"].get("ok", 0)
        missed = sum(shadow["outcomes"].values()) - answered
        head = (f"{shadow['model']}/{shadow['version']}", f"{answered:,}", f"{missed:,}", _length(shadow["lag_s"]))
        for pair in shadow["compared"] or [{}]:
            table.add_row(*map(Text, (*head, *_compared(pair))))
    troubled = [shadow for shadow in shadows if shadow["trouble"]]
    return Group(table, *(Text(f"{each['model']}/{each['version']}: {each['trouble']}") for each in troubled))


def _compared(pair: dict[str, Any]) -> tuple[str, ...]:
    if not pair:
        return "–", "–", "–", "–"
    share, distance, cost = pair["disagreement"], pair["score_distance"], pair["cost_ratio"]
    return (
        f"version {pair['primary']}",
        "–" if share is None else f"{share:.1%}",
        "–" if distance is None else f"{distance:.3g}",
        "–" if cost is None else f"{cost:.2f} ×",
    )


def _change(event: dict[str, Any]) -> str:
    """`running at 10 % → paused at 10 %`, and below it why; whichever of the two there is."""
    where = " → ".join(filter(None, (event["before"], event["after"])))
    return "\n".join(filter(None, (where, event["why"])))


def diff_text(diff: str) -> Text:
    """A unified diff, coloured."""
    text = Text()
    for line in diff.splitlines(keepends=True):
        headed = line.startswith(("+++", "---"))
        text.append(line, style="bold" if headed else _DIFF.get(line[:1], ""))
    return text


def _now(rollouts: Callable[[], Sequence[Standing]]) -> RenderableType:
    try:
        return rollout_table(rollouts())
    except GatewayError as problem:
        return Text(problem.message, style="red")


def _rollout(rollout: Standing, now: float) -> list[RenderableType]:
    phase = rollout["phase"]
    head = Text.assemble(
        (rollout["model"], "bold"),
        f"  version {rollout['candidate']} against version {rollout['stable']}: ",
        (phase.replace("_", " "), _PHASES.get(phase, "")),
        f", {_length(max(0.0, now - rollout['since']))}",
    )
    shares = ", ".join(f"version {version} {share:g} %" for version, share in rollout["weights"].items())
    lines: list[RenderableType] = [head, Text("  ") + _steps(rollout), Text(f"  traffic: {shares}")]
    if phase == "running":
        lines.append(Text(f"  answered on this step: {rollout['answered']:,.0f} of {rollout['min_samples']:,}"))
    if rollout["verdicts"]:
        lines.append(_verdicts(rollout["verdicts"]))
    waits = [sentence for sentence in rollout["waits_for"] if sentence != rollout["reason"]]
    lines += [Text(f"  {rollout['reason']}")] * bool(rollout["reason"])
    return [*lines, *(Text(f"  waits for: {sentence}") for sentence in waits)]


def _steps(rollout: Standing) -> Text:
    """`1 % · 10 % · 50 % · 100 %`, with the step that it is on."""
    place = len(rollout["steps"]) if rollout["phase"] == "succeeded" else rollout["step"]
    parts = [
        Text(f"{percent:g} %", style="bold reverse" if at == place else "" if at < place else "dim")
        for at, percent in enumerate([*rollout["steps"], 100])
    ]
    return Text.assemble(f"step {place + 1} of {len(parts)}: ", Text(" · ").join(parts))


def _verdicts(verdicts: Sequence[dict[str, Any]]) -> Table:
    table = Table("gate", "value", "interval", "limit", "stable", "candidate", "verdict")
    for column in table.columns[1:6]:
        column.justify = "right"
    for verdict in verdicts:
        outcome = verdict["outcome"]
        table.add_row(
            Text(verdict["gate"]),
            _number(verdict["value"]),
            _interval(verdict["interval"]),
            _number(verdict["limit"]),
            f"{verdict['n_stable']:,}",
            f"{verdict['n_candidate']:,}",
            Text(outcome.replace("_", " "), style=_OUTCOMES.get(outcome, "")),
        )
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _interval(interval: Sequence[float | None] | None) -> str:
    if interval is None:
        return "–"
    low, high = interval
    return f"{'−∞' if low is None else f'{low:.3g}'} to {'∞' if high is None else f'{high:.3g}'}"


def _length(seconds: float) -> str:
    """How long, to the second: `2 h 05 min`, `1 min 20 s`, `9 s`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
