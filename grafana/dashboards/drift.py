"""What comes in against what the model was trained on: which features, how far, since when."""

from __future__ import annotations

from grafana.dashboards import figure, objective
from grafana.dashboards.board import Board, Section, band
from grafana.dashboards.chart import heat, lines, states
from grafana.dashboards.figure import Column, number
from grafana.dashboards.foundation import units
from grafana.dashboards.look import GOOD, PLAIN, Look, above
from grafana.dashboards.override import coloured
from grafana.dashboards.panel import Panel
from grafana.dashboards.query import Query
from grafana.dashboards.variable import chosen, one, values_of
from grafana.dashboards.watched import SCOPE, WATCHED, model_role_version

_EMPTY = "No full window yet: 1,000 answers make one, unless monitor.rows says otherwise"
_DRIFT = 'driftgate_drift_score{statistic="$statistic"}'
_SHOWN = 25
_BROKEN = "missing|nonfinite|out_of_range|unseen|constant"


def _most(series: str, count: int, by: str = "feature") -> str:
    """The features with the largest values at any time of the range: the same ones at every moment of it."""
    largest = f"topk({count}, max by ({by}) (max_over_time({series}[$__range] @ end())))"
    return f"(max by ({by}) ({series}) and on ({by}) {largest})"


def _strip() -> tuple[Panel, ...]:
    return (
        number(
            "Drift alarms",
            "Alarms of drift that fire: tested against chance, and large enough to matter (docs/alarms.md).",
            'sum(driftgate_alarm{monitor=~"drift|prediction_drift|multivariate_drift|label_drift"})',
            objective.ALARMS._replace(empty="Not watched yet"),
        ),
        number(
            "Drifting",
            "Features, and answers, whose distance from the training data is 0.1 or more in the last window.",
            f"sum(max by (feature) ({_DRIFT}) >= bool {objective.DRIFT.steps[1][0]:g})",
            Look(units.NoUnit, above(1), ((0, "None", GOOD),), empty="No full window yet", least=0),
        ),
        number(
            "Answers",
            "Distance of the model's own answers from those it gave to the training data: what drift of the inputs does to it.",
            'max(driftgate_drift_score{statistic="$statistic", feature=~"score|class"})',
            objective.DRIFT,
        ),
        number(
            "Together",
            "Distance of the reconstruction error: whether features still belong together as they did, though each alone may "
            "look as before.",
            'max(driftgate_drift_score{statistic="$statistic", feature="reconstruction_error"})',
            objective.DRIFT,
        ),
        number(
            "Outliers",
            "Share of the last window's rows stranger than 99 % of the training data; 1 % is to be expected.",
            'max(driftgate_outlier_ratio{statistic="beyond_99"})',
            Look(units.PercentUnit, above(0.03, 0.1), empty="No full window yet", least=0, decimals=1),
        ),
        number(
            "Quality",
            "Alarms that fire because values are missing, out of range, unseen, constant, or because requests repeat.",
            'sum(driftgate_alarm{monitor="quality"})',
            objective.ALARMS,
        ),
        number(
            "Rows",
            "Rows of the last window; what the figures here rest on.",
            'max(driftgate_window_rows{window="answers"})',
            Look(units.Short, ((None, PLAIN),), empty="No full window yet", least=0),
        ),
        number(
            "Window's age",
            "How long ago the last window ended. With little traffic windows are long, and what one sees here is old.",
            'time() - max(driftgate_window_end_timestamp_seconds{window="answers"})',
            Look(units.Seconds, ((None, PLAIN),), empty="No full window yet", decimals=0),
            now=True,
        ),
    )


def _features() -> tuple[Panel, ...]:
    return (
        heat(
            "Drift by feature",
            f"Distance from the training data over time, of the {_SHOWN} features that drifted most. From 0.1 on it matters.",
            Query(_most(_DRIFT, _SHOWN), "{{feature}}"),
            objective.DRIFT._replace(empty=_EMPTY),
            rows=units.NoUnit,
            scheme="Turbo",
            most=objective.DRIFT.steps[-1][0],
        ),
        figure.bars(
            "Ranking",
            "Features by their distance in the last window, largest first.",
            (Query(f"topk(15, max by (feature) ({_DRIFT}))", "{{feature}}", now=True),),
            objective.DRIFT._replace(empty=_EMPTY),
        ),
    )


def _distributions() -> tuple[Panel, ...]:
    now, then = "driftgate_feature_share", "driftgate_reference_share"

    def pair(feature: str) -> tuple[Query, ...]:
        return tuple(
            Query(f'sum by (bin) ({series}{{feature=~"{feature}"}})', legend)
            for series, legend in ((then, "training"), (now, "last window"))
        )

    colours = (coloured("training", "text"), coloured("last window", "orange"))
    empty = "No full window yet, or none of this feature: the eight that drifted most are shown"
    return (
        figure.columns(
            "Now against training: $feature",
            "Share of the rows in each bin, in the last window and in the training data, of the feature chosen above.",
            "bin",
            pair("$feature"),
            objective.SHARE._replace(empty=empty),
            overrides=colours,
        ),
        figure.columns(
            "Now against training: the answers",
            "The same of what the model answers. Whole columns that moved shift decisions too.",
            "bin",
            pair("prediction"),
            objective.SHARE._replace(empty=_EMPTY),
            overrides=colours,
        ),
    )


def _ranked() -> tuple[Panel, ...]:
    moves = 'max by (feature) (driftgate_drift_score{statistic="score_shift"})'
    return (
        lines(
            "Distance of the features that drifted most",
            "The same distance as lines; dashed, from where it matters and from where it is called large.",
            (Query(_most(_DRIFT, 8), "{{feature}}"),),
            objective.DRIFT._replace(empty=_EMPTY),
            limit=True,
        ),
        figure.bars(
            "What moves the score",
            "By how much each feature's drift alone moves the model's mean score: drift that matters to the answers.",
            (Query(f"topk(12, {moves})", "{{feature}}", now=True),),
            Look(units.NoUnit, ((None, PLAIN),), empty="The model has no score, or no window yet", decimals=4),
        ),
        states(
            "Alarms",
            "Whether alarms of each monitor fire.",
            (Query("sum by (monitor) (driftgate_alarm) > bool 0", "{{monitor}}"),),
            objective.FIRING,
        ),
    )


def _quality() -> tuple[Panel, ...]:
    broken = f'max by (feature, statistic) (driftgate_quality_ratio{{statistic=~"{_BROKEN}"}})'
    names = {
        "Missing": "missing",
        "Not finite": "nonfinite",
        "Out of range": "out_of_range",
        "Unseen": "unseen",
        "Constant": "constant",
    }
    look = Look(units.PercentUnit, above(0.005, 0.05), empty="–", least=0, decimals=2)
    return (
        lines(
            "Missing",
            "Share of the window's rows without a value; the features that miss most. Dashed: half a percent, five percent.",
            (
                Query(
                    _most('driftgate_quality_ratio{statistic="missing"}', 8) + " > 0",
                    "{{feature}}",
                ),
            ),
            Look(units.PercentUnit, above(0.005, 0.05), empty="No full window yet", least=0),
            limit=True,
        ),
        figure.table(
            "What is wrong with which feature",
            "Share of the last window's rows that are missing, infinite, outside of what training had seen, or of a category "
            "that it had not.",
            {"feature": "Feature"},
            tuple(
                Column(
                    name, f'max by (feature) (driftgate_quality_ratio{{statistic="{statistic}"}})', look, "color-text"
                )
                for name, statistic in names.items()
            ),
            _EMPTY,
            sort=("Missing", True),
        ),
        lines(
            "Worst ratio by kind",
            "The feature that is worst in each kind: when it began.",
            (Query(f"max by (statistic) ({broken})", "{{statistic}}"),),
            Look(units.PercentUnit, least=0, empty="No full window yet"),
        ),
    )


def _strange() -> tuple[Panel, ...]:
    return (
        lines(
            "Outliers",
            "Share of rows stranger than 99 %, and than 99.9 %, of the training data.",
            (Query("max by (statistic) (driftgate_outlier_ratio)", "{{statistic}}"),),
            Look(units.PercentUnit, above(0.03), empty="No full window yet", least=0),
            limit=True,
        ),
        lines(
            "Rows beyond the training data's outermost",
            "Share of rows below the lowest, and above the highest, 256th of the training rows; features with most of them.",
            (
                Query(
                    _most('driftgate_drift_score{statistic=~"low_tail|high_tail"}', 6, "feature, statistic"),
                    "{{feature}} {{statistic}}",
                ),
            ),
            Look(units.PercentUnit, empty="No full window yet", least=0),
        ),
        lines(
            "Rows in a window",
            "How many rows the windows have that these figures rest on, and rows that came too late for theirs.",
            (
                Query("max by (window) (driftgate_window_rows)", "{{window}}"),
                Query("sum(increase(driftgate_late_rows_total[$__rate_interval]))", "late"),
            ),
            Look(units.Short, empty="No full window yet", least=0),
        ),
    )


BOARD = Board(
    "driftgate-drift",
    "driftgate / Drift",
    "What comes in against what the model was trained on: which features, how far, since when.",
    (
        Section("", (band(5, *_strip()), band(11, *_features(), widths=(15, 9)))),
        Section("Now against training", (band(9, *_distributions()), band(8, *_ranked()))),
        Section("Quality of the data", (band(8, *_quality(), widths=(7, 10, 7)),)),
        Section("Outliers and windows", (band(7, *_strange()),)),
    ),
    SCOPE.labels,
    (
        *model_role_version(),
        chosen("statistic", "Distance", ("psi", "js")),
        one("feature", "Feature", values_of("feature", 'driftgate_feature_share{feature!="prediction"}', WATCHED)),
    ),
    since="now-6h",
)
