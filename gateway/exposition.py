"""Samples as Prometheus reads them: its text format, or OpenMetrics where the scraper asks for it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, groupby
from typing import NamedTuple

from prometheus_client import CollectorRegistry, exposition, openmetrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_text
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar as Traced

from gateway.metrics import Distribution, Exemplar, Metric, Sample

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
Bucket = tuple[str, float] | tuple[str, float, Traced]


class Exposition(NamedTuple):
    """A scrape's answer."""

    content_type: str
    body: bytes


class _Fixed(Collector):
    """Gives the families that it was made with."""

    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def expose(samples: Iterable[Sample], accept: str) -> Exposition:
    """The samples in the format that the header Accept asks for. Samples of one metric need not stand together."""
    ordered = sorted(samples, key=lambda sample: (sample.metric.name, sample.labels))
    families = [_family(metric, list(group)) for metric, group in groupby(ordered, key=lambda sample: sample.metric)]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Fixed(families))
    if "application/openmetrics-text" in accept:
        return Exposition(openmetrics.exposition.CONTENT_TYPE_LATEST, openmetrics_text(registry))  # type: ignore[no-untyped-call]
    return Exposition(exposition.CONTENT_TYPE_LATEST, exposition.generate_latest(registry))


def _family(metric: Metric, samples: list[Sample]) -> Family:
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for sample in samples:
            assert isinstance(sample.value, Distribution)
            histogram.add_metric(sample.labels, _buckets(sample.value), sample.value.sum)
        return histogram
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for sample in samples:
        assert not isinstance(sample.value, Distribution)
        family.add_metric(sample.labels, sample.value)
    return family


def _buckets(value: Distribution) -> list[Bucket]:
    bounds = [*(str(bound) for bound in value.bounds), "+Inf"]
    buckets: list[Bucket] = list(zip(bounds, accumulate(value.counts), strict=True))
    for place, exemplar in value.exemplars.items():
        buckets[place] = (*buckets[place][:2], _traced(exemplar))
    return buckets


def _traced(exemplar: Exemplar) -> Traced:
    return Traced({"trace_id": exemplar.trace_id}, exemplar.value, exemplar.time)
