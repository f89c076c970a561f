"""Every metric: its name, kind, help text and labels. Nothing else names one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram"]


class Metric(NamedTuple):
    """One metric. name: without the suffix `_total` that counters get."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


class Exemplar(NamedTuple):
    """One of the events that a bucket counted. value: in the metric's unit. time: s since the epoch."""

    trace_id: str
    value: float
    time: float


class Distribution(NamedTuple):
    """A histogram's value. counts: of each bucket, the open-ended one last, not cumulated. sum: in the metric's unit.

    exemplars: by the place of their bucket.
    """

    bounds: tuple[float, ...]
    counts: Sequence[int]
    sum: float
    exemplars: Mapping[int, Exemplar] = MappingProxyType({})


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
    "driftgate_records_lost",
    "counter",
    "Exchanges that were not recorded, by reason: full, torn, unreadable; and segments of journals that are missing.",
    ("reason",),
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
    "driftgate_observer_failures",
    "counter",
    "Failures by part: of a monitor or a gate on recorded rows (monitors), of a whole step (observer).",
    ("part",),
)
COMMITS = Metric("driftgate_observer_commits", "counter", "Checkpoints of journal places, store and monitors.", ())
COMMIT_AGE = Metric(
    "driftgate_observer_checkpoint_age_seconds",
    "gauge",
    "Time since all that the observer had read was in a checkpoint; near 0 while it has nothing to read.",
    (),
)
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
SHADOW_DISTANCE = Metric(
    "driftgate_shadow_score_distance",
    "gauge",
    "Mean distance between a shadow's scores and the primary version's, of the same rows.",
    ("model", "version", "primary"),
)
SHADOW_COST = Metric(
    "driftgate_shadow_cost_ratio",
    "gauge",
    "Compute time of a row in a shadow, for one of the primary version's.",
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
PERFORMANCE_BOUND = Metric(
    "driftgate_performance_bound",
    "gauge",
    "The ends of its 95 % interval: lower, upper.",
    (*_SUBJECT, "metric", "bound"),
)
ESTIMATED = Metric(
    "driftgate_estimated_performance",
    "gauge",
    "The same metric estimated without labels, of the last window.",
    (*_SUBJECT, "metric"),
)
ESTIMATED_BOUND = Metric(
    "driftgate_estimated_performance_bound",
    "gauge",
    "Where the metric from that window's labels would lie, with 95 % confidence: lower, upper.",
    (*_SUBJECT, "metric", "bound"),
)
CALIBRATION_PREDICTED = Metric(
    "driftgate_calibration_predicted_ratio",
    "gauge",
    "Mean score in each tenth of the labelled rows, lowest scores first; models of two classes.",
    ("model", "version", "bin"),
)
CALIBRATION_OBSERVED = Metric(
    "driftgate_calibration_observed_ratio",
    "gauge",
    "Share of these rows that turned out positive.",
    ("model", "version", "bin"),
)
FAIRNESS = Metric(
    "driftgate_fairness_gap", "gauge", "Gap between groups in the last window.", (*_SUBJECT, "group", "statistic")
)
GROUP_ROWS = Metric("driftgate_group_rows", "gauge", "Rows of each group in the last window.", (*_SUBJECT, "group"))
GROUP_MINIMUM = Metric(
    "driftgate_group_rows_minimum",
    "gauge",
    "Rows that a group needs before it is compared (monitor.min_group).",
    _SUBJECT,
)
FEATURE_SHARE = Metric(
    "driftgate_feature_share",
    "gauge",
    "Share of the last window's rows in each bin: of the answers (prediction) and the features that drifted most.",
    ("model", "version", "feature", "bin"),
)
REFERENCE_SHARE = Metric(
    "driftgate_reference_share",
    "gauge",
    "Share of the training data's rows in the same bin.",
    ("model", "version", "feature", "bin"),
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
LABEL_DELAY = Metric(
    "driftgate_label_delay_seconds",
    "histogram",
    "From an answer to the time of its first label, of rows that have one.",
    ("model",),
)

INFO = Metric("driftgate_info", "gauge", "1, with the version of the program.", ("driftgate",))
REPLICAS = Metric(
    "driftgate_replicas",
    "gauge",
    "Replicas by state: serving, starting, unreachable (it should be there, and does not report).",
    ("state",),
)
IN_FLIGHT = Metric("driftgate_requests_in_flight", "gauge", "Requests under way in all replicas.", ())
IN_FLIGHT_LIMIT = Metric(
    "driftgate_requests_in_flight_limit", "gauge", "How many there may be (limits.max_in_flight in each replica).", ()
)
LOAD = Metric(
    "driftgate_load_ratio", "gauge", "Share of time, 0 to 1, in which the busiest replica had work; 1 is saturated.", ()
)
VERSION_REPLICAS = Metric(
    "driftgate_version_replicas", "gauge", "Replicas that can answer with the version.", ("model", "version")
)
REVISION = Metric(
    "driftgate_revision",
    "gauge",
    "Revision of what is desired; another whenever something is loaded, unloaded, applied or weighted.",
    (),
)
ROLLOUT_WEIGHT = Metric(
    "driftgate_rollout_weight",
    "gauge",
    "Share, 0 to 1, of the routed requests that the version answers now, rollout or not.",
    ("model", "version"),
)
ROLLOUT_PHASE = Metric(
    "driftgate_rollout_phase", "gauge", "1 for the phase that the rollout is in, 0 for the others.", ("model", "phase")
)
ROLLOUT_SINCE = Metric(
    "driftgate_rollout_since_timestamp_seconds", "gauge", "When the rollout entered its step or phase.", ("model",)
)
ROLLOUT_SAMPLES = Metric(
    "driftgate_rollout_samples",
    "gauge",
    "Requests seen of candidate and stable on this step; min_samples is held against the candidate's.",
    ("model", "version"),
)
ROLLOUT_GATE = Metric(
    "driftgate_rollout_gate",
    "gauge",
    "What a gate measures, in the terms of its bound: value, lower and upper end of the interval, limit.",
    ("model", "gate", "figure"),
)
ROLLOUT_VERDICT = Metric(
    "driftgate_rollout_verdict",
    "gauge",
    "1 for what the gate says, 0 for the others: pass, fail, inconclusive, no_data, error.",
    ("model", "gate", "verdict"),
)
ROLLOUT_EVENTS = Metric(
    "driftgate_rollout_events", "counter", "Changes of rollouts, by what happened.", ("model", "event")
)

ALL: tuple[Metric, ...] = tuple(value for value in globals().values() if isinstance(value, Metric))
