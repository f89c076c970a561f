"""What a gateway says of itself at /metrics, and quantiles from its histograms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import httpx
from prometheus_client.parser import text_string_to_metric_families

from loadtests.errors import ServerError
from loadtests.target import Target

Buckets = Sequence[tuple[float, float]]
"""Upper bounds, the last of them infinite, and how many values are at most so large."""


class Scrape:
    """The samples of one look, by name; what a metric has for several labels is added up."""

    def __init__(self, text: str) -> None:
        self._sums: dict[str, float] = {}
        self._buckets: dict[str, dict[float, float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if "le" in sample.labels:
                    found = self._buckets.setdefault(sample.name.removesuffix("_bucket"), {})
                    bound = float(sample.labels["le"])
                    found[bound] = found.get(bound, 0.0) + sample.value
                else:
                    self._sums[sample.name] = self._sums.get(sample.name, 0.0) + sample.value

    def __getitem__(self, name: str) -> float:
        """A counter or a gauge, by its full name; 0 if there is none yet."""
        return self._sums.get(name, 0.0)

    def buckets(self, name: str, since: Scrape) -> Buckets:
        """What came into a histogram since an earlier look."""
        before: Mapping[float, float] = since._buckets.get(name, {})
        return [(bound, n - before.get(bound, 0.0)) for bound, n in sorted(self._buckets.get(name, {}).items())]


def scrape(target: Target) -> Scrape:
    """Raises ServerError if there is no answer."""
    try:
        answer = httpx.get(f"{target.url}/metrics", timeout=30, trust_env=False)
    except httpx.HTTPError as problem:
        raise ServerError(f"/metrics: {problem}") from None
    if answer.status_code != 200:
        raise ServerError(f"/metrics: expected 200, found {answer.status_code}: {answer.text[:200]}")
    return Scrape(answer.text)


def quantile(buckets: Buckets, share: float) -> float:
    """The value that `share` of all are at most, on a straight line between two bounds, as Prometheus draws it.

    Beyond the last finite bound nothing is known: then that bound. NaN if there are no values.

    >>> quantile([(0.5, 10.0), (1.0, 20.0), (math.inf, 20.0)], 0.75)
    0.75
    """
    total = buckets[-1][1] if buckets else 0.0
    if not total:
        return math.nan
    below, lower = 0.0, 0.0
    for bound, n in buckets:
        if n >= share * total and n > below:
            return lower if math.isinf(bound) else lower + (bound - lower) * (share * total - below) / (n - below)
        below, lower = n, bound if math.isfinite(bound) else lower
    return lower
