"""The gateway itself: replicas, journal, observer, store, labels and shadows."""

from __future__ import annotations

from grafana.dashboards import figure
from grafana.dashboards.board import Board, Section, band
from grafana.dashboards.chart import lines, states
from grafana.dashboards.figure import Column, number
from grafana.dashboards.foundation import units
from grafana.dashboards.look import BAD, GOOD, PLAIN, WATCH, Look, above
from grafana.dashboards.override import coloured, dashed
from grafana.dashboards.panel import Panel
from grafana.dashboards.query import Query, or_else
from grafana.dashboards.record import labels, record, shadows
from grafana.dashboards.signals import LOAD, load
from grafana.dashboards.traffic import quantile

_SILENT = "Gateway silent"


def _strip() -> tuple[Panel, ...]:
    return (
        number(
            "Gateways down",
            "Gateways whose last scrape was not answered, of those that were there in the time range.",
            or_else(
                "count(up == 0 and on (job, instance) present_over_time(driftgate_observer_lag_seconds[$__range]))", 0
            ),
            Look(units.NoUnit, ((None, GOOD), (1, BAD)), ((0, "None", GOOD),), least=0),
        ),
        number(
            "Version",
            "Version of the program; several while gateways differ.",
            "max by (driftgate) (driftgate_info)",
            Look(units.NoUnit, ((None, PLAIN),), empty=_SILENT),
            now=True,
            legend="{{driftgate}}",
        ),
        number(
            "Revision",
            "Revision of what is desired; another whenever something is loaded, unloaded, applied or weighted.",
            "max(driftgate_revision)",
            Look("locale", ((None, PLAIN),), empty=_SILENT),
            now=True,
        ),
        number(
            "Load",
            "Share of time in which the busiest replica had work; at 100 % requests wait.",
            "max(driftgate_load_ratio)",
            LOAD,
        ),
        number(
            "Observer lag",
            "Age of the oldest answer that has not been observed. Metrics, alarms and rollouts are as late.",
            "max(driftgate_observer_lag_seconds)",
            Look(units.Seconds, above(10, 60), empty=_SILENT, least=0),
        ),
        number(
            "Journal used",
            "Share of journal.max_bytes that is used; full, answers are not recorded or requests are refused.",
            "max(driftgate_journal_bytes / driftgate_journal_limit_bytes)",
            Look(units.PercentUnit, above(0.5, 0.8), empty=_SILENT, least=0, most=1, decimals=1),
        ),
        number(
            "Records lost",
            "Exchanges in the time range that were not recorded.",
            "round(sum(increase(driftgate_records_lost_total[$__range])))",
            Look(units.Short, ((None, GOOD), (1, BAD)), ((0, "None", GOOD),), empty=_SILENT, least=0),
            now=True,
        ),
        number(
            "Failures",
            "Times in the time range that a monitor or a gate failed on recorded rows, or a whole step of the observer.",
            "round(sum(increase(driftgate_observer_failures_total[$__range])))",
            Look(units.Short, ((None, GOOD), (1, WATCH)), ((0, "None", GOOD),), empty=_SILENT, least=0),
            now=True,
        ),
    )


def _replicas() -> tuple[Panel, ...]:
    return (
        lines(
            "Replicas by state",
            "Unreachable: it should be there, and does not report.",
            (Query("sum by (state) (driftgate_replicas)", "{{state}}"),),
            Look(units.NoUnit, empty=_SILENT, least=0),
            overrides=(coloured("serving", "green"), coloured("starting", "blue"), coloured("unreachable", "red")),
        ),
        lines(
            "Requests under way",
            "In all replicas, and how many there may be; beyond it requests are refused.",
            (
                Query("sum(driftgate_requests_in_flight)", "under way"),
                Query("sum(driftgate_requests_in_flight_limit)", "limit"),
            ),
            Look(units.Short, empty=_SILENT, least=0),
            overrides=(dashed("limit", BAD),),
        ),
        load(),
        figure.table(
            "Versions",
            "Replicas that can answer with each version.",
            {"model": "Model", "version": "Version"},
            (
                Column(
                    "Replicas",
                    "sum by (model, version) (driftgate_version_replicas)",
                    Look(units.NoUnit, ((None, WATCH), (1, GOOD)), ((0, "Not ready", WATCH),)),
                    "color-text",
                ),
            ),
            "No version is loaded",
            sort=("Model", False),
        ),
    )


def _observer() -> tuple[Panel, ...]:
    return (
        lines(
            "How far it is behind",
            "Age of the oldest answer that has not been observed; an alert begins at a minute.",
            (Query("max by (instance) (driftgate_observer_lag_seconds)", "{{instance}}"),),
            Look(units.Seconds, above(60), empty=_SILENT, least=0),
            limit=True,
        ),
        lines(
            "From answer to observed",
            "How long answers waited to be observed.",
            tuple(
                Query(quantile(at, series="driftgate_observer_delay_seconds_bucket", role=""), f"p{at * 100:g}")
                for at in (0.99, 0.5)
            ),
            Look(units.Seconds, least=0),
        ),
        lines(
            "Rows observed",
            "Rows that passed through the monitors in a second, and those that were written to the store.",
            (
                Query("sum(rate(driftgate_observer_rows_total[$__rate_interval]))", "observed"),
                Query("sum(rate(driftgate_records_total[$__rate_interval]))", "stored"),
            ),
            Look(units.RowsPerSecond, empty=_SILENT, least=0),
        ),
        lines(
            "Checkpoints",
            "Time since all that was read was in a checkpoint of places, store and monitors; near 0 with nothing to read.",
            (Query("max by (instance) (driftgate_observer_checkpoint_age_seconds)", "{{instance}}"),),
            Look(units.Seconds, above(600), empty=_SILENT, least=0),
        ),
    )


def _gateways() -> Panel:
    reached = Look(units.NoUnit, ((None, GOOD),), ((0, "unreachable", BAD), (1, "up", GOOD)), empty="None is known")
    return states(
        "Gateways",
        "Whether scrapes were answered.",
        (
            Query(
                "up and on (job, instance) present_over_time(driftgate_observer_lag_seconds[$__range])",
                "{{instance}}",
            ),
        ),
        reached,
        written=True,
    )


BOARD = Board(
    "driftgate-gateway",
    "driftgate / Gateway internals",
    "The gateway itself: replicas, journal, observer, store, labels and shadows.",
    (
        Section("", (band(5, *_strip()), band(5, _gateways()))),
        Section("Replicas", (band(7, *_replicas()),)),
        Section("Observer", (band(7, *_observer()),)),
        Section("Record", (band(7, *record()),)),
        Section("Labels", (band(7, *labels()),)),
        Section("Shadows", (band(7, *shadows()),)),
    ),
)
