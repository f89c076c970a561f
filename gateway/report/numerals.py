"""Numbers, times and names as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

UNKNOWN = "–"
_UNITS = ((86_400.0, "day"), (3600.0, "hour"), (60.0, "minute"), (1.0, "second"))
_NAMES = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error",
    "calibration_in_the_large": "mean score less share of positives",
    "f1": "F1",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "mape": "mean absolute percentage error",
    "r2": "R²",
    "psi": "PSI",
    "low_tail": "rows below the training data's lowest",
    "high_tail": "rows above the training data's highest",
    "out_of_range": "out of range",
    "nonfinite": "not finite",
    "unseen": "unseen values",
    "tpr": "true positive rate",
    "fpr": "false positive rate",
    "selection_rate": "selection rate",
    "prediction_drift": "drift of the answers",
    "multivariate_drift": "drift of several features together",
    "reconstruction_error": "how the numbers go together",
}


def count(value: float) -> str:
    """A whole number.

    >>> count(12345)
    '12,345'
    """
    return f"{round(value):,}"


def counted(value: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "feature"), counted(1234, "row")
    ('1 feature', '1,234 rows')
    """
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


def share(value: float | None) -> str:
    """A share in percent; what is not 0 is not called so.

    >>> share(0.123456), share(0.00001), share(None)
    ('12.3 %', '< 0.01 %', '–')
    """
    if value is None:
        return UNKNOWN
    percent = 100 * value
    if 0 < percent < 0.01:
        return "< 0.01 %"
    return f"{percent:.3g} %" if percent < 99.95 or percent == 100 else f"{percent:.2f} %"


def decimal(value: float | None) -> str:
    """Three digits that count, three decimals at the most.

    >>> decimal(0.71236), decimal(-0.00012), decimal(1234.5), decimal(None)
    ('0.712', '0.000', '1,234', '–')
    """
    if value is None:
        return UNKNOWN
    if abs(value) < 0.0005:
        return "0" if value == 0 else "0.000"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 3)}f}"


def interval(found: tuple[float | None, float | None] | None) -> str:
    """From where to where.

    >>> interval((0.69, 0.734))
    '0.690 to 0.734'
    """
    return "" if found is None else f"{decimal(found[0])} to {decimal(found[1])}"


def milliseconds(value: float | None) -> str:
    """A duration in ms.

    >>> milliseconds(1.234), milliseconds(1500.0)
    ('1.23 ms', '1.5 s')
    """
    if value is None:
        return UNKNOWN
    return f"{value / 1000:.3g} s" if value >= 1000 else f"{value:.3g} ms"


def duration(seconds: float | None) -> str:
    """A duration in the unit that fits it.

    >>> duration(5400), duration(86400)
    ('1.5 hours', '1 day')
    """
    if seconds is None:
        return UNKNOWN
    for size, unit in _UNITS:
        if seconds >= size:
            amount = f"{seconds / size:.0f}" if seconds / size >= 9.5 else f"{seconds / size:.2g}"
            return f"{amount} {unit}{'' if amount == '1' else 's'}"
    return f"{seconds * 1000:.0f} ms"


def per(seconds: float) -> str:
    """How long each stretch of a chart is.

    >>> per(86400), per(300)
    ('per day', 'per 5 minutes')
    """
    weeks = seconds / 604_800
    words = f"{weeks:.0f} week{'' if weeks == 1 else 's'}" if seconds >= 604_800 else duration(seconds)
    return f"per {words.removeprefix('1 ')}"


def moment(iso: str | None) -> str:
    """A time to the minute, UTC; to the second where it is within a minute.

    >>> moment("2026-11-23T14:05:00.000000+00:00"), moment(None)
    ('2026-11-23 14:05', '–')
    """
    if iso is None:
        return UNKNOWN
    time = datetime.fromisoformat(iso).astimezone(UTC)
    return f"{time:%Y-%m-%d %H:%M:%S}" if time.second else f"{time:%Y-%m-%d %H:%M}"


def name(word: str) -> str:
    """A metric or a statistic in words.

    >>> name("roc_auc"), name("equalised_odds_difference")
    ('ROC AUC', 'equalised odds difference')
    """
    return _NAMES.get(word, word.replace("_", " "))


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)
