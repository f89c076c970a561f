"""How good the answers are: by labels, by estimate, and how long labels take."""

from __future__ import annotations

from grafana.dashboards import figure, objective
from grafana.dashboards.board import Board, Section, band
from grafana.dashboards.chart import areas, heat, lines, states
from grafana.dashboards.figure import Column, number
from grafana.dashboards.foundation import units
from grafana.dashboards.look import FAINT, GOOD, PLAIN, WATCH, Look, above
from grafana.dashboards.override import Override, coloured, dashed
from grafana.dashboards.override import band as room
from grafana.dashboards.panel import Panel
from grafana.dashboards.query import Query
from grafana.dashboards.traffic import quantile
from grafana.dashboards.variable import one
from grafana.dashboards.watched import SCOPE, model_role_version

_NO_LABELS = "No labels yet"
_NO_ESTIMATE = "Not estimated: no window yet, or no reference"
_REAL = 'max(driftgate_performance{metric="$metric"})'
_ESTIMATE = 'max(driftgate_estimated_performance{metric="$metric"})'
_DELAY = "driftgate_label_delay_seconds_bucket"
_MEASURED = (
    '{__name__=~"driftgate_performance|driftgate_estimated_performance", metric!="coverage", '
    'job=~"$job", instance=~"$instance", model=~"$model", version=~"$version"}'
)
"""What is known from labels, or without them."""
_METRIC = Look(units.NoUnit, ((None, PLAIN),), empty=_NO_LABELS, decimals=3)


def _bound(series: str, end: str) -> str:
    return f'max({series}_bound{{metric="$metric", bound="{end}"}})'


def _strip() -> tuple[Panel, ...]:
    return (
        number("Realised", "The metric chosen above, from labels, of the newest window that has them.", _REAL, _METRIC),
        number(
            "Estimated",
            "The same metric of the last window, estimated without labels.",
            _ESTIMATE,
            _METRIC._replace(empty=_NO_ESTIMATE),
        ),
        number(
            "Gap",
            "Realised less estimated, each of its newest window. A gap: inputs and truth relate otherwise than in training.",
            f"{_REAL} - {_ESTIMATE}",
            _METRIC,
        ),
        number(
            "Alarms",
            "Alarms of performance and of the gap to the estimate that fire.",
            'sum(driftgate_alarm{monitor=~"performance|estimate"})',
            objective.ALARMS,
        ),
        number(
            "Coverage",
            "Share of the window's rows that have a label by now.",
            'max(driftgate_performance{metric="coverage"})',
            Look(units.PercentUnit, ((None, WATCH), (0.1, GOOD)), empty=_NO_LABELS, least=0, most=1),
        ),
        number(
            "Label delay",
            "Half of the labels of the time range came within this time after their answer.",
            "histogram_quantile(0.5, sum by (le) (increase(driftgate_label_delay_seconds_bucket[$__range]))) >= 0",
            Look(units.Seconds, ((None, PLAIN),), empty=_NO_LABELS, least=0),
            now=True,
        ),
        number(
            "Labels",
            "Labels that were accepted in the time range.",
            'round(sum(increase(driftgate_labels_total{outcome="accepted"}[$__range])))',
            Look(units.Short, ((None, PLAIN),), ((0, "None", FAINT),), empty=_NO_LABELS, least=0),
            now=True,
        ),
        number(
            "Waiting",
            "Labels, of all models, whose prediction has not been seen yet.",
            "sum(driftgate_labels_waiting)",
            Look(units.Short, above(100, 10_000), ((0, "None", GOOD),), empty="Gateway silent", least=0),
        ),
    )


def _metric() -> tuple[Panel, ...]:
    return (
        lines(
            "Realised, with its interval: $metric",
            "From labels, of the newest window that has them; the room around it holds the true value with 95 % confidence.",
            (
                Query(_bound("driftgate_performance", "lower"), "lower"),
                Query(_bound("driftgate_performance", "upper"), "upper"),
                Query(_REAL, "realised"),
            ),
            _METRIC,
            overrides=(*room("lower", "upper", "green"), coloured("realised", "green", lineWidth=2)),
        ),
        lines(
            "Estimated, with its interval: $metric",
            "Without labels, of the last window; blind to a change in how truth follows from inputs. Dashed: realised.",
            (
                Query(_bound("driftgate_estimated_performance", "lower"), "lower"),
                Query(_bound("driftgate_estimated_performance", "upper"), "upper"),
                Query(_ESTIMATE, "estimated"),
                Query(_REAL, "realised"),
            ),
            _METRIC._replace(empty=_NO_ESTIMATE),
            overrides=(
                *room("lower", "upper", "blue"),
                coloured("estimated", "blue", lineWidth=2),
                dashed("realised", "green"),
            ),
        ),
    )


def _metrics() -> tuple[Panel, ...]:
    def by(series: str, more: str = "") -> str:
        return f'max by (metric) ({series}{{metric!="coverage"{more}}})'

    performance, estimated = "driftgate_performance", "driftgate_estimated_performance"
    return (
        figure.table(
            "All metrics",
            "Each metric as labels tell it, and as it was estimated, with the ends of their intervals.",
            {"metric": "Metric"},
            (
                Column("Realised", by(performance), _METRIC),
                Column("from", by(f"{performance}_bound", ', bound="lower"'), _METRIC._replace(empty="–")),
                Column("to", by(f"{performance}_bound", ', bound="upper"'), _METRIC._replace(empty="–")),
                Column("Estimated", by(estimated), _METRIC._replace(empty="–")),
                Column("from ", by(f"{estimated}_bound", ', bound="lower"'), _METRIC._replace(empty="–")),
                Column("to ", by(f"{estimated}_bound", ', bound="upper"'), _METRIC._replace(empty="–")),
            ),
            "No labels and no estimate yet",
            sort=("Metric", False),
            overrides=(Override("Metric", {"custom.width": 200}),),
        ),
        lines(
            "Versions side by side: $metric",
            "The metric from labels, of every version that answered, shadows among them.",
            (
                Query(
                    'max by (version, role) (driftgate_performance{metric="$metric"})',
                    "v{{version}} {{role}}",
                    wide=("version", "role"),
                ),
            ),
            _METRIC,
        ),
    )


def _calibration() -> tuple[Panel, ...]:
    return (
        figure.columns(
            "Calibration",
            "Labelled rows in tenths by their score: the mean score, and how many turned out positive. Of a calibrated model "
            "both are equal in each tenth.",
            "bin",
            (
                Query("max by (bin) (driftgate_calibration_predicted_ratio)", "predicted"),
                Query("max by (bin) (driftgate_calibration_observed_ratio)", "observed"),
            ),
            objective.SHARE._replace(empty="No labels yet, or the model is not one of two classes"),
            overrides=(coloured("predicted", "blue"), coloured("observed", "green")),
        ),
        states(
            "Alarms",
            "Whether alarms of performance, and of the gap to the estimate, fire.",
            (
                Query(
                    'sum by (monitor) (driftgate_alarm{monitor=~"performance|estimate"}) > bool 0',
                    "{{monitor}}",
                ),
            ),
            objective.FIRING,
        ),
    )


def _labels() -> tuple[Panel, ...]:
    return (
        heat(
            "How late labels come",
            "How many labels a second came that long after their answer.",
            Query(
                "sum by (le) (rate(driftgate_label_delay_seconds_bucket[$__rate_interval]))", "{{le}}", form="heatmap"
            ),
            Look(units.CountsPerSecond, empty=_NO_LABELS),
            rows=units.Seconds,
            scheme="Blues",
        ),
        lines(
            "Label delay",
            "From an answer to the time of its first label.",
            tuple(Query(quantile(at, series=_DELAY, role=""), f"p{at * 100:g}") for at in (0.9, 0.5)),
            Look(units.Seconds, empty="No labels in this time", least=0),
        ),
        lines(
            "Coverage",
            "Share of the window's rows that have a label by now. Figures of newer windows rest on fewer.",
            (Query('max by (version) (driftgate_performance{metric="coverage"})', "v{{version}}"),),
            Look(units.PercentUnit, empty=_NO_LABELS, least=0, most=1),
        ),
        areas(
            "Labels by what became of them",
            "Labels in a second as they were sent: accepted, twice the same, corrected; and calls that were refused.",
            (
                Query(
                    "sum by (outcome) (rate(driftgate_labels_total[$__rate_interval]))",
                    "{{outcome}}",
                ),
            ),
            Look(units.CountsPerSecond, least=0, empty=_NO_LABELS),
        ),
    )


BOARD = Board(
    "driftgate-performance",
    "driftgate / Performance",
    "How good the answers are: by labels, by estimate, and how long labels take.",
    (
        Section("", (band(5, *_strip()), band(9, *_metric()), band(10, *_metrics()))),
        Section("Calibration and alarms", (band(8, *_calibration()),)),
        Section("Labels", (band(8, *_labels()),)),
    ),
    SCOPE.labels,
    (
        *model_role_version(),
        one("metric", "Metric", f"label_values({_MEASURED}, metric)"),
    ),
    since="now-6h",
)
