"""Every metric: its name, kind, help text and labels. Nothing else names one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram"]


class Metric(NamedTuple):
    """One metric. name: without the suffix `_total` that counters get."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


class Distribution(NamedTuple):
    """A histogram's value. counts: of each bucket, the open-ended one last, not cumulated. sum: in the metric's unit."""

    bounds: tuple[float, ...]
    counts: Sequence[int]
    sum: float


class Sample(NamedTuple):
    """One value of a metric, with the values of its labels in their order."""

    metric: Metric
    labels: tuple[str, ...]
    value: float | Distribution


_SUBJECT = ("model", "version", "role")

REQUESTS = Metric(
    "driftgate_requests", "counter", "Requests by outcome: ok, or the code of the refusal.", (*_SUBJECT, "outcome")
)
ROUTES = Metric(
    "driftgate_routed_requests", "counter", "Answered requests by the reason of their route.", (*_SUBJECT, "route")
)
ROWS = Metric("driftgate_rows", "counter", "Rows answered; a request may hold several.", _SUBJECT)
REQUEST_DURATION = Metric(
    "driftgate_request_duration_seconds",
    "histogram",
    "From the request's arrival in the replica to its answer.",
    _SUBJECT,
)
INFERENCE_DURATION = Metric("driftgate_inference_duration_seconds", "histogram", "The run of the model.", _SUBJECT)
QUEUE_DURATION = Metric(
    "driftgate_queue_duration_seconds", "histogram", "Waiting for a worker, or for a batch.", _SUBJECT
)
LAST_REQUEST = Metric(
    "driftgate_last_request_timestamp_seconds", "gauge", "When the newest answered request came.", _SUBJECT
)

RECORDS_LOST = Metric(
    "driftgate_records_lost", "counter", "Exchanges that were not recorded, by reason: full, torn.", ("reason",)
)
RECORDS_SUPERSEDED = Metric(
    "driftgate_records_superseded",
    "counter",
    "Answers of a killed replica whose requests another one answered again.",
    (),
)
LAG = Metric(
    "driftgate_observer_lag_seconds",
    "gauge",
    "Age of the oldest answer that has not been observed; 0 if there is none.",
    (),
)
BACKLOG = Metric("driftgate_observer_backlog_bytes", "gauge", "Bytes of journal that have not been observed.", ())
OBSERVED = Metric(
    "driftgate_observer_rows", "counter", "Rows that passed through the observer since it was started.", ()
)
FAILURES = Metric(
    "driftgate_observer_failures", "counter", "Times that a monitor or a gate failed on recorded rows.", ()
)
COMMITS = Metric("driftgate_observer_commits", "counter", "Checkpoints of journal places, store and monitors.", ())
COMMIT_AGE = Metric("driftgate_observer_checkpoint_age_seconds", "gauge", "Time since the last checkpoint.", ())
JOURNAL = Metric("driftgate_journal_bytes", "gauge", "Bytes of all journals on disk.", ())
JOURNAL_LIMIT = Metric("driftgate_journal_limit_bytes", "gauge", "What they may have (journal.max_bytes).", ())
STORE_BYTES = Metric("driftgate_store_bytes", "gauge", "Bytes of the Parquet files.", ())
STORE_PARTS = Metric("driftgate_store_parts", "gauge", "Parquet files.", ())
SHADOW_DISAGREEMENT = Metric(
    "driftgate_shadow_disagreement_ratio",
    "gauge",
    "Share of the rows that a shadow answered otherwise than the primary version did.",
    ("model", "version", "primary"),
)
SHADOW_REQUESTS = Metric(
    "driftgate_shadow_requests",
    "counter",
    "Primaries by what their shadow made of them: ok, or why it gave no answer.",
    ("model", "version", "outcome"),
)
SHADOW_LAG = Metric(
    "driftgate_shadow_lag_seconds",
    "gauge",
    "Age of the oldest primary that waits for its shadow.",
    ("model", "version"),
)
SHADOW_BACKLOG = Metric(
    "driftgate_shadow_backlog_bytes", "gauge", "Bytes of journal that wait for a shadow.", ("model", "version")
)
SHADOW_STARTS = Metric(
    "driftgate_shadow_starts", "counter", "Times that a shadow's process was started.", ("model", "version")
)
SHADOW_GAPS = Metric(
    "driftgate_shadow_gaps",
    "counter",
    "Segments of journals deleted before the shadow had read them.",
    ("model", "version"),
)

DRIFT = Metric(
    "driftgate_drift_score",
    "gauge",
    "Distance of a feature's, or the answers', distribution in the last window from the training data's.",
    (*_SUBJECT, "feature", "statistic"),
)
QUALITY = Metric(
    "driftgate_quality_ratio",
    "gauge",
    "Share of the last window's rows that are missing, out of range, unseen, … in a feature.",
    (*_SUBJECT, "feature", "statistic"),
)
OUTLIERS = Metric(
    "driftgate_outlier_ratio",
    "gauge",
    "Share of the last window's rows stranger than 99 % of the training data.",
    (*_SUBJECT, "statistic"),
)
PERFORMANCE = Metric(
    "driftgate_performance", "gauge", "A metric from labels, of the newest window that has them.", (*_SUBJECT, "metric")
)
ESTIMATED = Metric(
    "driftgate_estimated_performance",
    "gauge",
    "The same metric estimated without labels, of the last window.",
    (*_SUBJECT, "metric"),
)
FAIRNESS = Metric(
    "driftgate_fairness_gap", "gauge", "Gap between groups in the last window.", (*_SUBJECT, "group", "statistic")
)
ALARM = Metric("driftgate_alarm", "gauge", "Alarms that fire now, by monitor; 0 for none.", (*_SUBJECT, "monitor"))
WINDOW_ROWS = Metric("driftgate_window_rows", "gauge", "Rows in the last window.", (*_SUBJECT, "window"))
WINDOW_END = Metric(
    "driftgate_window_end_timestamp_seconds", "gauge", "When the last window ended.", (*_SUBJECT, "window")
)
LATE = Metric(
    "driftgate_late_rows",
    "counter",
    "Rows that came after their window had closed, and count in a later one.",
    _SUBJECT,
)

STORE_ROWS = Metric("driftgate_records", "counter", "Rows written to the store since the observer's process began.", ())
DELAY = Metric("driftgate_observer_delay_seconds", "histogram", "From an answer to its being observed.", ())
LABELS = Metric(
    "driftgate_labels",
    "counter",
    "Labels sent: accepted, duplicate, corrected; and calls refused.",
    ("model", "outcome"),
)
LABELS_JOINED = Metric(
    "driftgate_labels_joined",
    "counter",
    "What became of accepted labels: joined, waiting, corrected, unchanged, invalid, unknown.",
    ("outcome",),
)
LABELS_WAITING = Metric("driftgate_labels_waiting", "gauge", "Labels whose prediction has not been seen yet.", ())

ALL: tuple[Metric, ...] = tuple(value for value in globals().values() if isinstance(value, Metric))
