"""Samples come out in both formats that Prometheus reads, and parse back to what they were."""

from __future__ import annotations

import re

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from gateway import metrics
from gateway.exposition import expose
from gateway.metrics import Distribution, Sample

SUBJECT = ("flights", "2", "primary")
SAMPLES = [
    Sample(metrics.REQUESTS, (*SUBJECT, "ok"), 7),
    Sample(metrics.LAG, (), 0.25),
    Sample(metrics.REQUESTS, (*SUBJECT, 'odd "name"\n'), 1),
    Sample(metrics.REQUEST_DURATION, SUBJECT, Distribution((0.001, 0.01), [3, 2, 1], 0.5)),
]


@pytest.mark.parametrize(
    ("accept", "kind", "parse"),
    [
        ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text", openmetrics),
        ("text/plain", "text/plain", plain),
    ],
)
def test_what_is_exposed_parses_back(accept: str, kind: str, parse: object) -> None:
    """Counters end in _total, buckets are cumulated, and a label may hold anything."""
    found = expose(SAMPLES, accept)
    assert found.content_type.startswith(kind)
    assert callable(parse)
    values = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in parse(found.body.decode())
        for sample in family.samples
    }
    subject = (("model", "flights"), ("role", "primary"), ("version", "2"))
    assert values["driftgate_requests_total", ("model", "flights"), ("outcome", "ok"), *subject[1:]] == 7
    assert values["driftgate_requests_total", ("model", "flights"), ("outcome", 'odd "name"\n'), *subject[1:]] == 1
    assert values["driftgate_observer_lag_seconds",] == 0.25
    buckets = [value for key, value in values.items() if key[0] == "driftgate_request_duration_seconds_bucket"]
    assert buckets == [3, 5, 6]
    assert values["driftgate_request_duration_seconds_count", *subject] == 6
    assert values["driftgate_request_duration_seconds_sum", *subject] == 0.5


@pytest.mark.parametrize("metric", metrics.ALL, ids=lambda metric: metric.name)
def test_names_follow_the_rules(metric: metrics.Metric) -> None:
    """Prefix, base units, no suffix that the format adds itself, a sentence of help."""
    assert re.fullmatch(r"driftgate_[a-z_]+[a-z]", metric.name)
    assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket", "_ms", "_us", "_milliseconds"))
    assert metric.help.endswith(".")
    assert metric.kind != "histogram" or metric.name.endswith("_seconds")


def test_no_two_metrics_share_a_name() -> None:
    """Nor what the format makes of it."""
    names = [metric.name for metric in metrics.ALL]
    assert len(set(names)) == len(names)
