"""A rollout: where it stands, candidate against stable, and what its gates say."""

from __future__ import annotations

from grafana.dashboards import figure, objective
from grafana.dashboards.board import Board, Section, band
from grafana.dashboards.chart import areas, lines, states
from grafana.dashboards.figure import Column, number
from grafana.dashboards.foundation import units
from grafana.dashboards.look import BAD, FAINT, GOOD, PLAIN, WATCH, Look
from grafana.dashboards.override import Override, coloured, dashed
from grafana.dashboards.override import band as room
from grafana.dashboards.panel import Panel
from grafana.dashboards.phase import IN_PHASE, JUDGED, NONE, PHASE, VERDICT
from grafana.dashboards.query import Query, or_else
from grafana.dashboards.scope import Scope
from grafana.dashboards.signals import errors_by, quantile_by, requests_by
from grafana.dashboards.variable import one, values_of

_FIGURE = Look(units.NoUnit, ((None, PLAIN),), empty="–", decimals=4)


def _happened(events: str) -> str:
    return or_else(f'round(sum(increase(driftgate_rollout_events_total{{event=~"{events}"}}[$__range])))', 0)


def _strip() -> tuple[Panel, ...]:
    count = Look(units.NoUnit, ((None, GOOD), (1, WATCH)), ((0, "None", GOOD),), least=0)
    return (
        number(
            "Phase",
            "Where the rollout is (docs/rollouts.md).",
            or_else(f"max({PHASE})", 0),
            IN_PHASE,
            now=True,
            filled=True,
        ),
        number(
            "In it for",
            "Since when the rollout is on this step, or in this phase.",
            "time() - max(driftgate_rollout_since_timestamp_seconds)",
            Look(units.Seconds, ((None, PLAIN),), empty=NONE, decimals=0),
            now=True,
        ),
        number(
            "Gates that fail",
            "One is enough to roll back, or to pause.",
            or_else('sum(driftgate_rollout_verdict{verdict="fail"})', 0),
            Look(units.NoUnit, ((None, GOOD), (1, BAD)), ((0, "None", GOOD),), least=0),
        ),
        number(
            "Gates undecided",
            "Inconclusive, without data, or in error: the rollout waits for them.",
            or_else('sum(driftgate_rollout_verdict{verdict=~"inconclusive|no_data|error"})', 0),
            Look(units.NoUnit, ((None, GOOD), (1, PLAIN)), ((0, "None", GOOD),), least=0),
        ),
        number("Rollbacks", "Gates that failed in the time range.", _happened("fail"), count, now=True),
        number(
            "Aborted or withdrawn",
            "Rollouts that a person ended, and times that a candidate stopped being ready.",
            _happened("abort|withdraw"),
            count,
            now=True,
        ),
    )


def _course() -> tuple[Panel, ...]:
    return (
        areas(
            "Weights",
            "Share of the routed requests that each version answers: the steps of the rollout.",
            (Query("max by (version) (driftgate_rollout_weight)", "v{{version}}"),),
            objective.SHARE._replace(empty="Gateway silent", most=1),
            steps=True,
        ),
        states(
            "Phases",
            "What the rollout did when.",
            (Query(PHASE, "{{model}}"),),
            IN_PHASE,
            written=True,
        ),
        states(
            "Verdicts",
            "What each gate said when. All must pass for the next step; one that fails ends it.",
            (Query(VERDICT, "{{gate}}"),),
            JUDGED,
            written=True,
        ),
    )


def _gates() -> tuple[Panel, ...]:
    def by(figure: str) -> str:
        return f'max by (gate) (driftgate_rollout_gate{{figure="{figure}"}})'

    return (
        figure.table(
            "Gates",
            "What each gate measures, in the terms of its bound: by how much the candidate is worse, or how many times stable's "
            "value it has. The interval holds however often it is looked at.",
            {"gate": "Gate"},
            (
                Column("Verdict", VERDICT, JUDGED, "color-text", 120),
                Column("Value", by("value"), _FIGURE),
                Column("from", by("lower"), _FIGURE),
                Column("to", by("upper"), _FIGURE),
                Column("Limit", by("limit"), _FIGURE),
            ),
            NONE,
            sort=("Gate", False),
            overrides=(Override("Gate", {"custom.minWidth": 220}),),
        ),
        lines(
            "Gate over time: $gate",
            "The gate chosen above: its value with the interval around it, and the limit that it is held against.",
            tuple(
                Query(f'max(driftgate_rollout_gate{{figure="{name}", gate="$gate"}})', name)
                for name in ("lower", "upper", "value", "limit")
            ),
            _FIGURE._replace(empty=NONE),
            overrides=(*room("lower", "upper", "blue"), coloured("value", "blue", lineWidth=2), dashed("limit", BAD)),
        ),
    )


def _against() -> tuple[Panel, ...]:
    return (
        requests_by("version"),
        errors_by("version"),
        quantile_by(0.99, "version"),
        lines(
            "Samples on this step",
            "Requests that each version answered on this step; the candidate's are held against min_samples.",
            (Query("max by (version) (driftgate_rollout_samples)", "v{{version}}"),),
            Look(units.Short, empty=NONE, least=0),
        ),
    )


def _events() -> tuple[Panel, ...]:
    return (
        areas(
            "Events",
            "What happened to rollouts, of itself or by a person's doing, once its bar is full; who, when and why: driftgate "
            "history.",
            (
                Query(
                    "sum by (event) (floor(increase(driftgate_rollout_events_total[$__rate_interval]))) > 0",
                    "{{event}}",
                ),
            ),
            Look(units.NoUnit, empty=NONE, least=0),
            bars=True,
        ),
        figure.table(
            "All models",
            "Every model's rollout, whichever is chosen above, and since when it is in its phase.",
            {"model": "Model"},
            (
                Column("Phase", f"({PHASE})", IN_PHASE, "color-text"),
                Column(
                    "For",
                    "time() - max by (model) (driftgate_rollout_since_timestamp_seconds)",
                    Look(units.Seconds, ((None, FAINT),), empty="–", decimals=0),
                ),
                Column(
                    "Largest share",
                    "max by (model) (driftgate_rollout_weight)",
                    objective.SHARE._replace(empty="–", most=1),
                    "gauge",
                ),
            ),
            "No model is loaded",
            sort=("Model", False),
            wide=("model",),
        ),
    )


BOARD = Board(
    "driftgate-rollout",
    "driftgate / Rollout",
    "A rollout: where it stands, candidate against stable, and what its gates say.",
    (
        Section("", (band(5, *_strip()), band(8, *_course()))),
        Section("Gates and verdicts", (band(8, *_gates()),)),
        Section("Stable against candidate", (band(8, *_against()),)),
        Section("History", (band(7, *_events()),)),
    ),
    ("model",),
    (
        one("model", "Model", values_of("model", "driftgate_rollout_weight", Scope())),
        one("gate", "Gate", values_of("gate", "driftgate_rollout_gate", Scope(("model",)))),
    ),
)
