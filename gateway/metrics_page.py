"""The page docs/metrics.md, as it follows from the catalogue: `python -m gateway.metrics_page > docs/metrics.md`."""

from __future__ import annotations

from gateway.metrics import ALL, Metric
from gateway.observer.histogram import BUCKETS

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


def page() -> str:
    """The whole page, in Markdown."""
    bounds = ", ".join(f"{bound:g}" for bound in BUCKETS)
    return "".join([_HEAD, *map(_line, ALL), f"\nBuckets of histograms end at {bounds} s.\n"])


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
