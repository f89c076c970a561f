"""Accuracy, precision, recall and F1 from counts of right and wrong answers."""

from __future__ import annotations

import math

import numpy as np

from monitors.numeric import Counts, Floats
from monitors.performance.figure import Figure, bounded, nothing, share


def binary(confusion: Counts) -> dict[str, Figure]:
    """confusion: int64 [2, 2], rows by truth, columns by answer; class 1 is the positive one.

    F1 is 2φ/(1 + φ) of the share φ of right answers among rows that are positive or were called so: Wilson's interval
    of φ becomes its own.

    >>> {name: round(figure.value, 3) for name, figure in binary(np.array([[5, 1], [2, 4]])).items()}
    {'accuracy': 0.75, 'precision': 0.8, 'recall': 0.667, 'f1': 0.727}
    """
    (right_no, wrong_yes), (wrong_no, right_yes) = confusion.tolist()
    return {
        "accuracy": share(right_no + right_yes, int(confusion.sum())),
        "precision": share(right_yes, right_yes + wrong_yes),
        "recall": share(right_yes, right_yes + wrong_no),
        "f1": _f1(share(right_yes, right_yes + wrong_yes + wrong_no)),
    }


def averaged(right: Counts, predicted: Counts, actual: Counts) -> dict[str, Figure]:
    """Accuracy, and macro and weighted means of precision, recall and F1 over the classes that occur.

    right, predicted, actual: int64 [classes], for each class the rows that were answered rightly, that were answered so,
    and that are so. A class that is never answered has precision 0, as in scikit-learn with `zero_division=0`.
    Intervals follow from the rows' influences. Which class was mistaken for which is not kept, so the influence of a
    mistake is taken as if missed and mistaken classes paired at random; with up to 1,000 classes a matrix is too large.
    """
    n = int(actual.sum())
    figures = {"accuracy": share(int(right.sum()), n)}
    if not n:
        return figures
    occurs = (predicted + actual) > 0
    hits, called, true = (cells[occurs].astype(np.float64) for cells in (right, predicted, actual))
    weights = {"macro": np.full(len(hits), 1 / len(hits)), "weighted": true / n}
    none = np.zeros_like(hits)
    # Each is gained·hits / (by_answer·called + by_truth·true).
    for name, gained, by_answer, by_truth in (("precision", 1, 1, 0), ("recall", 1, 0, 1), ("f1", 2, 1, 1)):
        below = by_answer * called + by_truth * true
        each = _ratio(gained * hits, below)
        for kind, weight in weights.items():
            value, step = float(weight @ each), _ratio(weight, below)
            # Weights that are shares of the truth are drawn with it.
            drawn = (each - value) / n if kind == "weighted" else none
            at_truth, at_answer = drawn - by_truth * step * each, -by_answer * step * each
            variance = _variance(hits, called, true, at_truth, at_answer, gained * step)
            figures[f"{kind}_{name}"] = bounded(value, math.sqrt(variance), n, n)
    return figures


def _f1(overlap: Figure) -> Figure:
    if overlap.interval is None:
        return nothing()
    low, high = (2 * edge / (1 + edge) for edge in overlap.interval)
    slope = 2 / (1 + overlap.value) ** 2
    return Figure(2 * overlap.value / (1 + overlap.value), slope * overlap.error, overlap.n, (low, high), {})


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _variance(hits: Floats, called: Floats, true: Floats, at_truth: Floats, at_answer: Floats, gain: Floats) -> float:
    """Σ influence²: a right answer counts at_truth + at_answer + gain, a wrong one at_truth of its truth + at_answer."""
    missed, mistaken = true - hits, called - hits
    wrong = max(missed.sum(), 1.0)
    right = (hits * (at_truth + at_answer + gain) ** 2).sum()
    crossed = 2 * (missed @ at_truth) * (mistaken @ at_answer) / wrong
    return max(0.0, float(right + missed @ at_truth**2 + mistaken @ at_answer**2 + crossed))
