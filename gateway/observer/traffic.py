"""What was answered and refused since the beginning, as plain values for whoever has no Prometheus."""

from __future__ import annotations

from typing import Any, NamedTuple

from gateway.observer.histogram import BUCKETS
from gateway.observer.ledger import Account, Ledger, Subject


class Traffic(NamedTuple):
    """time: s since the epoch. models: one entry for each version in each role, as `GET /gateway/traffic` gives it."""

    time: float
    models: list[dict[str, Any]]


def traffic(ledger: Ledger, now: float) -> Traffic:
    """All counts at this moment."""
    return Traffic(now, [_entry(subject, account) for subject, account in sorted(ledger.accounts.items())])


def _entry(subject: Subject, account: Account) -> dict[str, Any]:
    """total, compute, queue: answers by the bucket of their duration, not cumulated; the last has no bound."""
    return {
        "model": subject.model,
        "version": subject.version or None,
        "role": subject.role,
        "outcomes": dict(account.outcomes),
        "routes": dict(account.routes),
        "rows": account.rows,
        "bounds": list(BUCKETS),
        "total": account.total.counts,
        "compute": account.compute.counts,
        "queue": account.queue.counts,
    }
