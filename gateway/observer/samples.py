"""What the observer knows, as samples of metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from gateway import metrics
from gateway.metrics import Distribution, Sample
from gateway.observer.exemplars import Exemplars
from gateway.observer.fold import Fold
from gateway.observer.histogram import Histogram
from gateway.observer.ledger import Account, Subject
from gateway.observer.readings import readings
from gateway.shadow.report import reports

FAULTS = ("deadline_exceeded", "inference_failed", "internal", "not_ready", "overloaded")
"""Failures that are the gateway's or the model's: there before the first one, for what begins above 0 is no increase."""

_SHADOWED = ("ok", "given_up", "unrecorded")


def samples(fold: Fold, data: Path) -> list[Sample]:
    """All that is read from the fold, and of the shadows, at this moment. data: the folder."""
    accounts = fold.ledger.accounts
    unrouted = {Subject(subject.model, 0, "primary"): Account() for subject in accounts if subject.role == "primary"}
    found = [sample for subject, account in {**unrouted, **accounts}.items() for sample in _account(subject, account)]
    read = [sample for subject, hub in fold.watching.hubs() for sample in readings(subject, hub)]
    return [*found, *read, *_observer(fold), *_files(fold), *_labels(fold), *_shadows(data)]


def _account(subject: Subject, account: Account) -> Iterator[Sample]:
    labels = (subject.model, str(subject.version) if subject.version else "", subject.role)
    faults = dict.fromkeys(FAULTS if subject.role == "primary" else (), 0)
    for outcome, count in {**faults, **account.outcomes}.items():
        yield Sample(metrics.REQUESTS, (*labels, outcome), count)
    if not account.rows:
        return
    for route, count in account.routes.items():
        yield Sample(metrics.ROUTES, (*labels, route), count)
    yield Sample(metrics.ROWS, labels, account.rows)
    yield Sample(metrics.REQUEST_DURATION, labels, _distribution(account.total, account.exemplars))
    yield Sample(metrics.INFERENCE_DURATION, labels, _distribution(account.compute))
    yield Sample(metrics.QUEUE_DURATION, labels, _distribution(account.queue))
    yield Sample(metrics.LAST_REQUEST, labels, account.newest_ns / 1e9)


def _observer(fold: Fold) -> Iterator[Sample]:
    progress = fold.progress
    yield Sample(metrics.OBSERVED, (), progress.rows)
    yield Sample(metrics.RECORDS_LOST, ("full",), progress.lost)
    yield Sample(metrics.RECORDS_LOST, ("torn",), progress.torn)
    yield Sample(metrics.RECORDS_LOST, ("unreadable",), progress.unreadable)
    yield Sample(metrics.RECORDS_LOST, ("missing",), progress.missing)
    yield Sample(metrics.RECORDS_SUPERSEDED, (), progress.superseded)
    yield Sample(metrics.FAILURES, ("monitors",), progress.failures)
    yield Sample(metrics.COMMITS, (), progress.commits)
    yield Sample(metrics.BACKLOG, (), fold.backlog())
    yield Sample(metrics.DELAY, (), _distribution(progress.delays))


def _files(fold: Fold) -> Iterator[Sample]:
    parts, size = fold.store.size
    yield Sample(metrics.STORE_BYTES, (), size)
    yield Sample(metrics.STORE_PARTS, (), parts)
    yield Sample(metrics.STORE_ROWS, (), fold.store.counts.rows)


def _labels(fold: Fold) -> Iterator[Sample]:
    for (model, received), count in fold.inbox.counts().items():
        yield Sample(metrics.LABELS, (model, received), count)
    for joined, count in fold.labels.items():
        yield Sample(metrics.LABELS_JOINED, (joined,), count)
    yield Sample(metrics.LABELS_WAITING, (), fold.store.expected)
    for model, delays in fold.ledger.delays.items():
        yield Sample(metrics.LABEL_DELAY, (model,), _distribution(delays))


def _shadows(data: Path) -> Iterator[Sample]:
    for report in reports(data, time.time_ns()):
        labels = (report.shadow.model, str(report.shadow.version))
        for outcome, count in {**dict.fromkeys(_SHADOWED, 0), **report.outcomes}.items():
            yield Sample(metrics.SHADOW_REQUESTS, (*labels, outcome), count)
        for primary, pair in report.pairs.items():
            compared = (
                (metrics.SHADOW_DISAGREEMENT, pair.disagreement),
                (metrics.SHADOW_DISTANCE, pair.mean_distance),
                (metrics.SHADOW_COST, pair.latency_ratio),
            )
            for metric, value in compared:
                if value is not None:
                    yield Sample(metric, (*labels, str(primary)), value)
        yield Sample(metrics.SHADOW_LAG, labels, report.lag_s)
        yield Sample(metrics.SHADOW_BACKLOG, labels, report.backlog)
        yield Sample(metrics.SHADOW_STARTS, labels, report.starts)
        yield Sample(metrics.SHADOW_GAPS, labels, report.gaps)


def _distribution(histogram: Histogram, exemplars: Exemplars | None = None) -> Distribution:
    found = exemplars.by_bucket() if exemplars else {}
    return Distribution(histogram.bounds, histogram.counts, histogram.sum_us / 1e6, found)
