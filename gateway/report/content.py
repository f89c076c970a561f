"""What a report says, as plain values: the JSON of `driftgate report --json`, which docs/reports.md explains.

Times are ISO 8601, UTC. A number that is not known is None. Lists "by stretch" have one entry for each of `stretches`.
"""

from __future__ import annotations

from typing import Any

import msgspec

FORMAT = "driftgate-report/1"
"""The number grows when something is taken away or means something else; what is added does not change it."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A number. interval: where the true value lies, with 95 % confidence. n: rows that it rests on.

    enough: whether these are as many as it needs; if not, it says nothing.
    """

    value: float | None
    interval: tuple[float | None, float | None] | None = None
    n: int = 0
    enough: bool = True


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure and what it measures; see docs/monitors.md."""

    monitor: str
    subject: str
    statistic: str
    figure: Figure
    detail: dict[str, Any] = {}


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """When an alarm fired, and when it was over, None if it was not; and what was found when it fired."""

    monitor: str
    subject: str
    statistic: str
    fired: str
    resolved: str | None
    figure: Figure


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of the rows, in [0, 1]. label: what is in it; `missing` and, of categories, `other` stand last."""

    label: str
    reference: float
    now: float


class Drifted(msgspec.Struct, frozen=True, kw_only=True):
    """A feature, or what the model answered, against the training data. rank: 1 is the farthest.

    psi_by_stretch, departed_by_stretch: its PSI, and whether it was farther than chance and the training period explain.
    """

    name: str
    kind: str
    rank: int
    psi: Figure
    score_shift: Figure | None
    alarms: list[Alarm]
    bins: list[Bin]
    psi_by_stretch: list[float | None]
    departed_by_stretch: list[bool | None]


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """How good the answers were. reference: on the training data. gap: realised less estimated."""

    metric: str
    realised: Figure | None
    estimated: Figure | None
    gap: Figure | None
    reference: float | None
    realised_by_stretch: list[Figure | None]
    estimated_by_stretch: list[Figure | None]


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Answers of about one score: the mean score, and how often it came true."""

    predicted: float
    observed: float | None
    interval: tuple[float | None, float | None] | None
    rows: int


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """coverage: the share of the answers whose label is known. Delays in seconds, of labels that have come."""

    coverage: Figure
    delay_median: Figure | None
    delay_p90: Figure | None
    by_stretch: list[float | None]


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """How far groups are apart. left_out: those that are too small to be compared."""

    attribute: str
    statistic: str
    figure: Figure
    highest: str | None
    lowest: str | None
    left_out: list[str]


class GroupRate(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of one group."""

    attribute: str
    group: str
    statistic: str
    figure: Figure


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What the monitors say of one version in one role, over the whole period.

    silent: a sentence that says why nothing is judged; None if all is. windows: how many were judged for alarms.
    """

    version: int
    role: str
    rows: int
    task: str = "other"
    silent: str | None = None
    windows: int = 0
    labels: Labels | None = None
    features: list[Drifted] = []
    answers: list[Drifted] = []
    performance: list[Metric] = []
    calibration: list[Calibration] = []
    gaps: list[Gap] = []
    groups: list[GroupRate] = []
    quality: list[Measure] = []
    others: list[Measure] = []
    slices: list[Measure] = []
    alarms: list[Alarm] = []


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds, within 1.1 %; None where there was no request."""

    p50: float | None
    p95: float | None
    p99: float | None


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """What one version answered in one role. requests_by_stretch, latency_by_stretch: by stretch."""

    version: int
    role: str
    requests: int
    rows: int
    total: Latency
    compute: Latency
    queue: Latency
    requests_by_stretch: list[int]
    latency_by_stretch: list[Latency]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Refused requests. version: None where none was chosen."""

    code: str
    status: int
    version: int | None
    requests: int


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What came in. requests, rows, latency: of primaries; a shadow answers nobody."""

    requests: int
    rows: int
    refused: int
    latency: Latency
    served: list[Served]
    refusals: list[Refused]
    refused_by_stretch: list[int]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a rollout: when, by whom, what, from where to where, and why."""

    time: str
    who: str
    what: str
    before: str
    after: str
    why: str


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """The newest events of the period in their order. left_out: how many older ones there are."""

    events: list[Change]
    left_out: int


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """begin, end: what was asked for, None if nothing was. first, last: of the requests that came.

    stretches: where each begins. width: seconds.
    """

    begin: str | None
    end: str | None
    first: str
    last: str
    width: float
    stretches: list[str]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. versions: those that were asked for, empty for all. summary: sentences for people."""

    format: str = FORMAT
    driftgate: str
    model: str
    description: str
    owner: str
    made: str
    period: Span
    versions: list[int]
    summary: list[str] = []
    traffic: Traffic
    watched: list[Watched]
    rollout: Rollout
