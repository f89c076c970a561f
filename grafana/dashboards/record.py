"""Panels of what is kept: journal, store, labels, and the shadows that read the record."""

from __future__ import annotations

from grafana.dashboards.chart import areas, lines
from grafana.dashboards.foundation import units
from grafana.dashboards.look import BAD, Look
from grafana.dashboards.override import dashed
from grafana.dashboards.panel import Panel
from grafana.dashboards.query import Query

_SILENT = "Gateway silent"
_BYTES = Look(units.BytesIEC, empty=_SILENT, least=0)
_NO_SHADOW = "No shadow runs"


def record() -> tuple[Panel, ...]:
    """Journal and store."""
    return (
        lines(
            "Journal",
            "Bytes of all journals, those that have not been observed yet, and what they may have.",
            (
                Query("sum(driftgate_journal_bytes)", "journals"),
                Query("sum(driftgate_observer_backlog_bytes)", "not observed yet"),
                Query("sum(driftgate_journal_limit_bytes)", "limit"),
            ),
            _BYTES,
            overrides=(dashed("limit", BAD),),
        ),
        areas(
            "Lost and superseded",
            "Exchanges in a second that were not recorded, by reason; and answers of a killed replica that another one gave "
            "again.",
            (
                Query("sum by (reason) (rate(driftgate_records_lost_total[$__rate_interval]))", "lost: {{reason}}"),
                Query("sum(rate(driftgate_records_superseded_total[$__rate_interval]))", "answered again"),
            ),
            Look(units.CountsPerSecond, empty=_SILENT, least=0, reach=1),
        ),
        lines(
            "Store",
            "Bytes of the Parquet files.",
            (Query("sum(driftgate_store_bytes)", "Parquet"),),
            _BYTES,
        ),
        lines(
            "Files and checkpoints",
            "Parquet files, which tidying merges; and checkpoints in the time of one point.",
            (
                Query("sum(driftgate_store_parts)", "files"),
                Query("sum(increase(driftgate_observer_commits_total[$__rate_interval]))", "checkpoints"),
            ),
            Look(units.Short, empty=_SILENT, least=0),
        ),
    )


def labels() -> tuple[Panel, ...]:
    """Labels, and rows, that came later than they should."""
    return (
        areas(
            "What became of labels",
            "Labels of all models in a second: joined with their prediction, waiting for it, corrected, or given up.",
            (
                Query(
                    "sum by (outcome) (rate(driftgate_labels_joined_total[$__rate_interval]))",
                    "{{outcome}}",
                ),
            ),
            Look(units.CountsPerSecond, empty="No labels yet", least=0),
        ),
        lines(
            "Labels waiting",
            "Labels whose prediction has not been seen yet. Ever more of them: ids do not match.",
            (Query("sum(driftgate_labels_waiting)", "waiting"),),
            Look(units.Short, empty=_SILENT, least=0),
        ),
        lines(
            "Late rows",
            "Rows in a second that came after their window had closed, and count in a later one.",
            (
                Query(
                    "sum by (model) (rate(driftgate_late_rows_total[$__rate_interval]))",
                    "{{model}}",
                ),
            ),
            Look(units.RowsPerSecond, empty="Nothing is watched yet", least=0),
        ),
    )


def shadows() -> tuple[Panel, ...]:
    """What shadows do, and what they miss."""
    both = "{{model}}/{{version}}"
    return (
        areas(
            "Shadows by outcome",
            "Primaries in a second by what their shadow made of them.",
            (
                Query(
                    "sum by (outcome) (rate(driftgate_shadow_requests_total[$__rate_interval]))",
                    "{{outcome}}",
                ),
            ),
            Look(units.RequestsPerSecond, empty=_NO_SHADOW, least=0),
        ),
        lines(
            "Shadows behind",
            "Bytes of journal that wait for a shadow; they are kept for it.",
            (Query("max by (model, version) (driftgate_shadow_backlog_bytes)", both),),
            _BYTES._replace(empty=_NO_SHADOW),
        ),
        lines(
            "Starts and gaps",
            "Times that a shadow's process was started, and segments deleted before it had read them, in the time of one point.",
            (
                Query(
                    "sum by (model, version) (increase(driftgate_shadow_starts_total[$__rate_interval]))",
                    f"starts {both}",
                ),
                Query(
                    "sum by (model, version) (increase(driftgate_shadow_gaps_total[$__rate_interval]))", f"gaps {both}"
                ),
            ),
            Look(units.NoUnit, empty=_NO_SHADOW, least=0, reach=1),
        ),
    )
