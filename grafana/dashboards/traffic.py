"""Queries of traffic that several dashboards ask: rates, and what counts as an error."""

from __future__ import annotations

from gateway.rollout.evidence import BLAMELESS

_OWN = "|".join(sorted(BLAMELESS))

REQUESTS = 'driftgate_requests_total{role="primary"}'
"""All requests of clients."""

ANSWERABLE = f'driftgate_requests_total{{role="primary", outcome!~"{_OWN}"}}'
"""Requests that should be answered: all but those that fail through their client's own fault (grafana/rules/recording.yaml)."""

FAULT = f'driftgate_requests_total{{role="primary", outcome!~"ok|{_OWN}"}}'
"""Those of them that were not."""


def rate(series: str, **matchers: str) -> str:
    """How much of it in a second. A matcher that begins with `!` says what a label is not.

    >>> rate("driftgate_rows_total", role="primary")
    'rate(driftgate_rows_total{role="primary"}[$__rate_interval])'
    """
    said = ", ".join(
        f'{label}!="{value[1:]}"' if value.startswith("!") else f'{label}="{value}"'
        for label, value in matchers.items()
    )
    return f"rate({series}{'{' + said + '}' if said else ''}[$__rate_interval])"


def quantile(
    at: float, by: str = "", series: str = "driftgate_request_duration_seconds_bucket", role: str = "primary"
) -> str:
    """A quantile of a histogram, by these labels; nothing where there was no traffic, rather than NaN.

    >>> quantile(0.5, series="driftgate_label_delay_seconds_bucket", role="")
    'histogram_quantile(0.5, sum by (le) (rate(driftgate_label_delay_seconds_bucket[$__rate_interval]))) >= 0'
    """
    labels = f"{by}, le" if by else "le"
    rates = rate(series, role=role) if role else rate(series)
    return f"histogram_quantile({at:g}, sum by ({labels}) ({rates})) >= 0"


def error_ratio(by: str = "") -> str:
    """Share of the answerable requests that were not answered, by these labels; nothing where there was no traffic."""
    total = f"sum{f' by ({by})' if by else ''} (rate({ANSWERABLE}[$__rate_interval]))"
    failed = f"sum{f' by ({by})' if by else ''} (rate({FAULT}[$__rate_interval]))"
    return f"({failed} or {total} * 0) / ({total} > 0)"
