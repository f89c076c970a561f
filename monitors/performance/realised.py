"""How good the answers were, once labels tell: the monitor for every task."""

from __future__ import annotations

from monitors.monitor import Feed
from monitors.performance.binary import BinaryPerformance
from monitors.performance.multiclass import MulticlassPerformance
from monitors.performance.regression import RegressionPerformance
from monitors.reference import Reference
from monitors.task import ByTask, Kinds


class Performance(ByTask):
    """Realised performance, by metric, each with its interval; what the reference's unfitted rows had is in detail.

    One metric is tested against them: AUC for two classes, accuracy for several, MAE for values. The others follow from
    the same mistakes, and would spend the alarm's budget again. A task `other` has no performance.
    """

    name = "performance"
    feed: Feed = "labelled"

    def __init__(self, reference: Reference) -> None:
        kinds: Kinds = {
            "binary": BinaryPerformance,
            "multiclass": MulticlassPerformance,
            "regression": RegressionPerformance,
        }
        super().__init__(kinds.get(reference.schema.task), reference)
