"""Whether groups are treated alike, and whether there are enough of each to say."""

from __future__ import annotations

from grafana.dashboards import figure, objective
from grafana.dashboards.board import Board, Section, band
from grafana.dashboards.chart import lines, states
from grafana.dashboards.figure import Column, number
from grafana.dashboards.foundation import units
from grafana.dashboards.look import BAD, FAINT, GOOD, PLAIN, WATCH, Look, below
from grafana.dashboards.override import dashed
from grafana.dashboards.panel import Panel
from grafana.dashboards.query import Query
from grafana.dashboards.watched import SCOPE, model_role_version

_NONE = "No groups: the manifest declares none, or no window is full"
_FEW = "No two groups have enough rows"
_RATIO = Look(units.NoUnit, below(0.8, 0.6), empty=_FEW, least=0, decimals=3)
"""The four-fifths rule, a rule of thumb (docs/monitors.md)."""
_VALUES = Look(units.Short, ((None, PLAIN),), empty="–")
_ROWS = "max by (group) (driftgate_group_rows)"
_MINIMUM = "scalar(max(driftgate_group_rows_minimum))"

_GAPS = {
    "demographic_parity_difference": (
        "Parity difference",
        "Largest difference in the rates at which groups are chosen.",
    ),
    "equalised_odds_difference": (
        "Odds difference",
        "Largest difference in how often groups alike in truth are chosen: the larger of the gaps in true and false positives.",
    ),
    "accuracy_gap": ("Accuracy gap", "Largest difference in accuracy between groups."),
}


def _gap(statistic: str, by: str = "") -> str:
    return f'max{f" by ({by})" if by else ""} (driftgate_fairness_gap{{statistic="{statistic}"}})'


def _strip() -> tuple[Panel, ...]:
    return (
        number(
            "Alarms",
            "Alarms of fairness that fire: the gap is larger than it was in training, and not by chance.",
            'sum(driftgate_alarm{monitor="fairness"})',
            objective.ALARMS,
        ),
        *(
            number(title, f"{about} The worst attribute, in the last window.", _gap(statistic), objective.FAIRNESS)
            for statistic, (title, about) in _GAPS.items()
        ),
        number(
            "Parity ratio",
            "Lowest rate at which a group is chosen, through the highest; the worst attribute. Below 0.8 it is worth a look.",
            f"min{_gap('demographic_parity_ratio')[3:]}",
            _RATIO,
        ),
        number(
            "Groups with too few rows",
            "Groups with fewer rows than are needed to compare them; they are left out of the gaps.",
            f"count({_ROWS} < {_MINIMUM}) or on() count({_ROWS}) * 0",
            Look(units.NoUnit, ((None, GOOD), (1, WATCH)), ((0, "None", GOOD),), empty="No groups", least=0),
        ),
    )


def _gaps() -> tuple[Panel, ...]:
    return (
        *(
            lines(
                title,
                f"{about} By attribute; dashed, from where it matters.",
                (Query(_gap(statistic, "group"), "{{group}}"),),
                objective.FAIRNESS._replace(empty=_FEW),
                limit=True,
            )
            for statistic, (title, about) in _GAPS.items()
        ),
        lines(
            "Parity ratio",
            "Lowest rate at which a group is chosen, through the highest, by attribute. Dashed: the four-fifths rule, and 0.6.",
            (Query(f"min{_gap('demographic_parity_ratio', 'group')[3:]}", "{{group}}"),),
            _RATIO._replace(most=1),
            limit=True,
        ),
    )


def _groups() -> tuple[Panel, ...]:
    enough = Look(units.NoUnit, ((None, GOOD),), ((0, "too few rows", WATCH), (1, "compared", GOOD)), empty="–")
    return (
        figure.table(
            "Groups",
            "Rows of each group in the last window against the minimum; a group below it is compared with none.",
            {"group": "Group"},
            (
                Column("Rows", _ROWS, Look(units.NoUnit, ((None, PLAIN),), least=0), "gauge"),
                Column("Minimum", f"{_ROWS} * 0 + {_MINIMUM}", Look(units.NoUnit, ((None, FAINT),))),
                Column("Verdict", f"{_ROWS} >= bool {_MINIMUM}", enough, "color-text"),
            ),
            _NONE,
            sort=("Rows", False),
        ),
        lines(
            "Rows by group",
            "Rows of each group in a window; dashed, what a group needs to be compared.",
            (
                Query(_ROWS, "{{group}}"),
                Query("max(driftgate_group_rows_minimum)", "minimum"),
            ),
            Look(units.NoUnit, empty=_NONE, least=0),
            overrides=(dashed("minimum", BAD),),
        ),
        states(
            "Alarms",
            "Whether alarms of fairness fire.",
            (
                Query(
                    'sum by (version) (driftgate_alarm{monitor="fairness"}) > bool 0',
                    "v{{version}}",
                ),
            ),
            objective.FIRING,
        ),
    )


def _all() -> Panel:
    columns = [
        Column(title, _gap(statistic, "group"), objective.FAIRNESS._replace(empty="–"), "color-text")
        for statistic, (title, _) in _GAPS.items()
    ]
    ratio = f"min{_gap('demographic_parity_ratio', 'group')[3:]}"
    return figure.table(
        "Gaps by attribute",
        "Every gap of the last window, by the attribute whose groups were compared; of predicted values in their own unit.",
        {"group": "Attribute"},
        (
            *columns,
            Column("Parity ratio", ratio, _RATIO._replace(empty="–"), "color-text"),
            Column("Mean prediction", _gap("mean_prediction_gap", "group"), _VALUES),
            Column("MAE", _gap("mae_gap", "group"), _VALUES),
        ),
        _FEW,
        sort=("Attribute", False),
    )


BOARD = Board(
    "driftgate-fairness",
    "driftgate / Fairness",
    "Whether groups are treated alike, and whether there are enough of each to say.",
    (
        Section("", (band(5, *_strip()), band(8, _all(), *_groups()[:1], widths=(14, 10)))),
        Section("Gaps", (band(8, *_gaps()),)),
        Section("Groups and alarms", (band(8, *_groups()[1:]),)),
    ),
    SCOPE.labels,
    model_role_version(),
    since="now-6h",
)
