"""Ranking metrics from score histograms, and how much each row moved them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitors.numeric import Floats


@dataclass(frozen=True, eq=False, slots=True)
class Influence:
    """A metric that is a function of score histograms, with its gradient.

    value: float64 [...], NaN where it is not defined. positive, negative: float64 [..., bins], by how much one more
    positive, or negative, in a bin would change it. Both vanish on average over the rows, so
    Σ positives·positive² + Σ negatives·negative² is the infinitesimal jackknife's variance; for AUC that is DeLong's.
    """

    value: Floats
    positive: Floats
    negative: Floats

    def variance(self, positives: Floats, negatives: Floats) -> Floats:
        """The sampling variance, float64 [...], for rows that were drawn independently."""
        spread: Floats = (positives * self.positive**2).sum(-1) + (negatives * self.negative**2).sum(-1)
        return spread


def roc_auc(positives: Floats, negatives: Floats) -> Influence:
    """The area under the ROC curve: how often a positive scores above a negative, a tie counting half.

    positives, negatives: [..., bins], rows in each bin of the score, whole numbers or expected ones. Rows of one bin count
    as tied: with 1,000 bins the value was within 1.3e-4 of that of the scores in 200 windows of 1,000 rows, and within
    1.2e-3 in those of 100.

    >>> roc_auc(np.array([0.0, 1, 3]), np.array([2.0, 2, 0])).value.item()
    0.9375

    DeLong, DeLong and Clarke-Pearson 1988, "Comparing the areas under two or more correlated ROC curves".
    """
    total_positive, total_negative = positives.sum(-1, keepdims=True), negatives.sum(-1, keepdims=True)
    below = negatives.cumsum(-1) - negatives / 2
    above = total_positive - positives.cumsum(-1) + positives / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        beaten, beating = below / total_negative, above / total_positive
        value = (positives * beaten).sum(-1, keepdims=True) / total_positive
        return Influence(value[..., 0], (beaten - value) / total_positive, (beating - value) / total_negative)


def average_precision(positives: Floats, negatives: Floats) -> Influence:
    """Precision at the score of each positive, on average: Σ (R_i − R_{i−1}) P_i from the highest bin down.

    Shapes as in `roc_auc`. Rows of one bin count as tied, so it lies below that of the scores by as much as is lost by
    rounding them down to 1/1,000: 4e-4 on average; at most 9e-4 in 200 windows of 1,000 rows, 0.017 in those of 100.

    >>> round(average_precision(np.array([0.0, 1, 3]), np.array([2.0, 2, 0])).value.item(), 4)
    0.9167
    """
    total = positives.sum(-1, keepdims=True)
    hits = _from_above(positives)
    chosen = hits + _from_above(negatives)
    with np.errstate(invalid="ignore", divide="ignore"):
        inverse = np.divide(1, chosen, out=np.zeros_like(chosen), where=chosen > 0)
        precision = hits * inverse
        weight = positives / total
        value = (weight * precision).sum(-1, keepdims=True)
        # A row in bin j is among those chosen at every threshold up to j.
        diluted = (weight * precision * inverse).cumsum(-1)
        raised = (precision - value) / total + (weight * inverse).cumsum(-1)
        return Influence(value[..., 0], raised - diluted, -diluted)


def _from_above(cells: Floats) -> Floats:
    return cells[..., ::-1].cumsum(-1)[..., ::-1]
