"""The page docs/metrics.md, as it follows from the catalogue: `python -m gateway.metrics_page > docs/metrics.md`."""

from __future__ import annotations

from gateway.metrics import ALL, Metric
from gateway.observer.distributions import SHOWN
from gateway.observer.histogram import BUCKETS, LABEL_BUCKETS
from gateway.observer.readings import MOST
from monitors.caption import LONGEST

_HEAD = """\
# Metrics

`GET /metrics` gives them in Prometheus' text format, or in OpenMetrics where the scraper asks for it. One scrape tells of the
whole gateway, whichever replica answers. What is counted follows from the record ([recording](recording.md)), so counters go on
where they were after a restart. Rules and alerts are in `grafana/rules`, a page for each alert in [runbooks](runbooks).

`role` is `primary` for answers to clients, `shadow` for those of shadows. `version` is empty where a request was refused before
one was chosen, `model` is `unknown` where the repository has none of that name.

This page is made by `python -m gateway.metrics_page`.

| metric | kind | labels | |
|---|---|---|---|
"""

_FOOT = f"""
## Histograms

Buckets end at {", ".join(f"{bound:f}".rstrip("0").rstrip(".") for bound in BUCKETS)} s;
those of label delays at {", ".join(f"{bound:.0f}" for bound in LABEL_BUCKETS)} s.

In OpenMetrics, each bucket of `driftgate_request_duration_seconds` has an exemplar: the `trace_id` of its newest request
that had one, from a `traceparent` or the gateway's own tracing. Prometheus keeps them when started with
`--enable-feature=exemplar-storage`.

## How many series there are

Labels are names from the repository and the configuration, values of declared groups and categories, and words of ours; never the
id of a request or of a trace, nor what else a client sent. What is longer than {LONGEST} characters, or cannot be printed, is cut
and ends in a mark of its own. An input of a name that monitors use themselves (`score`, `class`, `prediction`, `other`, …) is
`input.score`.

Of each statistic the {MOST} worst features, or gaps, have series, and `other` is the worst of the rest; of groups the
{MOST} largest, and `other` is the sum of the rest. `driftgate_feature_share` is there for the answers (`prediction`) and the
{SHOWN} features that drifted most. So 500 features and 200 groups make some 1,000 series for each version in each role.

## How bins are sorted

A bin of a number begins with its place, as in `01 ≤ 3.2`, `02 3.2 – 7`, `03 > 7`, and `99 missing` is the last: sorted as
text they are in order. A category is its own name; the ten most frequent are shown, then or now, and the rest is `other`.
Tenths of the score, in `driftgate_calibration_…`, are `01` to `10`.
"""


def page() -> str:
    """The whole page, in Markdown."""
    return "".join([_HEAD, *map(_line, ALL), _FOOT])


def exposed(metric: Metric) -> tuple[str, ...]:
    """The names of its series.

    >>> exposed(Metric("driftgate_rows", "counter", ""))
    ('driftgate_rows_total',)
    """
    if metric.kind == "histogram":
        return tuple(metric.name + suffix for suffix in ("_bucket", "_count", "_sum"))
    return (f"{metric.name}_total",) if metric.kind == "counter" else (metric.name,)


def _line(metric: Metric) -> str:
    name = exposed(metric)[0] if metric.kind != "histogram" else metric.name
    return f"| `{name}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.help} |\n"


if __name__ == "__main__":
    print(page(), end="")
