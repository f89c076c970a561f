"""How likely a departure as large as the one seen would be if nothing had changed, and where the truth lies."""

from monitors.significance.homogeneity import homogeneities, homogeneity
from monitors.significance.normal import mean_shift
from monitors.significance.proportion import newcombe, proportion, two_proportions, wilson

__all__ = [
    "homogeneities",
    "homogeneity",
    "mean_shift",
    "newcombe",
    "proportion",
    "two_proportions",
    "wilson",
]
