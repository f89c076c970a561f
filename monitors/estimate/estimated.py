"""How good the answers are likely to be, before any label tells: the monitor for every task."""

from __future__ import annotations

from monitors.estimate.binary import BinaryEstimate
from monitors.estimate.multiclass import MulticlassEstimate
from monitors.estimate.value import ValueEstimate
from monitors.monitor import Feed
from monitors.reference import Reference
from monitors.task import ByTask, Kinds


class Estimate(ByTask):
    """Confidence-based performance estimation (CBPE) for classes, errors by size of the prediction for values.

    It sees what a change of inputs does to performance, and is blind to concept drift: `assumes` in each measurement's
    detail says so, and `gap` compares with the labels once they are there. A reference without scores has no estimate.

    Białek et al. 2024, "Estimating model performance under covariate shift without labels"; Guillory et al. 2021,
    "Predicting with confidence on unseen distributions".
    """

    name = "estimate"
    feed: Feed = "answers"

    def __init__(self, reference: Reference) -> None:
        kinds: Kinds = {"binary": BinaryEstimate, "multiclass": MulticlassEstimate, "regression": ValueEstimate}
        super().__init__(kinds.get(reference.schema.task) if reference.scores is not None else None, reference)
