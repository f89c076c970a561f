"""The configuration's words on who gets which version: sticky keys, rules, and rollouts with their gates."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from gateway.document import Frozen
from gateway.quantity import Count, Seconds, VersionNumber

_HIGHER = ("accuracy", "precision", "recall", "f1", "roc_auc")
_LOWER = ("log_loss", "brier", "mae", "rmse")
_BETWEEN = ("disagreement", "prediction_drift")
"""Measured between the two versions, so there is nothing of stable's own to compare with."""
_UNBOUNDED = ("log_loss", "mae", "rmse", "latency_p50", "latency_p90", "latency_p95", "latency_p99")
"""Not below 0; all other metrics lie between 0 and 1."""

METRICS = (
    "error_rate",
    *(f"latency_{quantile}" for quantile in ("p50", "p90", "p95", "p99")),
    *_HIGHER,
    *_LOWER,
    *(f"estimated_{metric}" for metric in (*_HIGHER, *_LOWER)),
    *_BETWEEN,
    "fairness_gap",
)
"""What a gate may watch. Latency is in seconds; `estimated_…` needs no labels."""

_FIELD_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110, 5.6.2: what the names of headers and cookies are made of
_STICKY = re.compile(rf"(header|cookie):{_FIELD_NAME}|(field|parameter):\S(.*\S)?", re.ASCII)


def _sticky(text: str) -> str:
    if not _STICKY.fullmatch(text):
        raise ValueError(f"expected header:NAME, cookie:NAME, field:INPUT or parameter:NAME, found {text!r}")
    return text


def _metric(name: str) -> str:
    if name not in METRICS:
        known = ", ".join(metric for metric in METRICS if not metric.startswith("estimated_"))
        raise ValueError(f"expected one of {known}, or estimated_ and a metric of performance, found {name!r}")
    return name


StickyText = Annotated[str, AfterValidator(_sticky)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Percent = Annotated[float, Field(gt=0, lt=100)]
Scalar = bool | int | Finite | str
Bound = Literal["worse_by", "ratio", "above", "below"]
KEPT = "kept"
"""The context in which a plan is read that was begun before: by what was allowed then."""
BOUNDS: tuple[Bound, ...] = ("worse_by", "ratio", "above", "below")


class RuleConfig(Frozen):
    """Requests that go to one version whatever the shares: `{header: x-plan, equals: gold, version: 2}`.

    Either header or parameter, with `equals` or `in`; or cohort, whose own values are those of the header x-cohort.
    """

    header: Annotated[str, Field(pattern=rf"^{_FIELD_NAME}$")] | None = None
    parameter: Annotated[str, Field(min_length=1)] | None = None
    cohort: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    equals: Scalar | None = None
    among: Annotated[tuple[Scalar, ...], Field(min_length=1)] | None = Field(default=None, alias="in")
    version: VersionNumber

    @model_validator(mode="after")
    def _consistent(self) -> RuleConfig:
        if [self.header, self.parameter, self.cohort].count(None) != 2:
            raise ValueError("a rule is on exactly one of header, parameter and cohort")
        compared = [self.equals, self.among].count(None)
        if self.cohort is not None and compared != 2:
            raise ValueError("cohort names its values itself, as in cohort: beta; it takes neither equals nor in")
        if self.cohort is None and compared != 1:
            raise ValueError("a rule on a header or a parameter takes exactly one of equals and in")
        if self.parameter is None:
            for value in self.values:
                if not isinstance(value, str):
                    raise ValueError(f"a header is text: put {value} in quotes")
        return self

    @property
    def values(self) -> tuple[Scalar, ...]:
        """Any of these meets the rule."""
        if self.cohort is not None:
            return (self.cohort,) if isinstance(self.cohort, str) else self.cohort
        return self.among or (() if self.equals is None else (self.equals,))


class GateConfig(Frozen):
    """What the candidate must not do: exactly one of the bounds, on a metric or on a query to a Prometheus of the user's own.

    worse_by: by more than this, in the metric's unit, whichever way is worse. ratio: more than so many times stable's value.
    above, below: past this value, whatever stable's is. url: where Prometheus is, such as http://prometheus:9090.
    """

    metric: Annotated[str, AfterValidator(_metric)] | None = None
    promql: Annotated[str, Field(min_length=1)] | None = None
    url: Annotated[str, Field(pattern=r"^https?://[^\s/@]+(/\S*)?$")] | None = None
    worse_by: Annotated[Finite, Field(gt=0)] | None = None
    ratio: Annotated[Finite, Field(gt=1)] | None = None
    above: Finite | None = None
    below: Finite | None = None

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> GateConfig:
        if (self.metric is None) == (self.promql is None):
            raise ValueError("a gate is on exactly one of metric and promql")
        if (self.promql is None) != (self.url is None):
            raise ValueError("promql and url go together: the query, and the Prometheus that answers it")
        given = [bound for bound in BOUNDS if getattr(self, bound) is not None]
        allowed = self._allowed()
        if len(given) != 1 or given[0] not in allowed:
            raise ValueError(f"a gate on {self.metric or 'promql'} takes {_one_of(allowed)}{_found(given)}")
        if self.metric is not None and self.bound != "ratio" and info.context != KEPT:
            self._within()
        return self

    @property
    def bound(self) -> Bound:
        """Which of the bounds is given."""
        return next(bound for bound in BOUNDS if getattr(self, bound) is not None)

    @property
    def limit(self) -> float:
        """The value of that bound."""
        return float(getattr(self, self.bound))

    @property
    def higher_is_better(self) -> bool:
        """Of the metric; False for promql."""
        return self.metric is not None and self.metric.removeprefix("estimated_") in _HIGHER

    @property
    def bounded(self) -> bool:
        """Whether the metric lies between 0 and 1; False for promql."""
        return self.metric is not None and self.metric.removeprefix("estimated_") not in _UNBOUNDED

    def _within(self) -> None:
        """A limit at or beyond the metric's end could never be passed, or never be failed."""
        if self.limit <= 0:
            raise ValueError(f"{self.metric} is never below 0: expected {self.bound} more than 0, found {self.limit:g}")
        if self.bounded and self.limit >= 1:
            hint = f"; {self.limit:g} % is {self.limit / 100:g}" if self.limit < 100 else ""
            raise ValueError(
                f"{self.metric} lies between 0 and 1: expected {self.bound} less than 1, found {self.limit:g}{hint}"
            )

    def _allowed(self) -> tuple[Bound, ...]:
        if self.metric is None:
            return ("above", "below")
        if self.metric in _BETWEEN:
            return ("above",)
        return ("worse_by", "below") if self.higher_is_better else ("worse_by", "ratio", "above")


class RolloutConfig(Frozen):
    """From stable to candidate by itself. `steps` are percent to the candidate; after the last one comes 100.

    bake: at least so long on each step. min_samples: and at least so many candidate answers on it. confidence: of the gates'
    verdicts, however often they are looked at. approve: whether a person must agree before the candidate gets everything.
    """

    stable: VersionNumber
    candidate: VersionNumber
    steps: Annotated[tuple[Percent, ...], Field(min_length=1)] = (1.0, 10.0, 50.0)
    bake: Seconds = 60.0
    min_samples: Count = 500
    gates: Annotated[tuple[GateConfig, ...], Field(min_length=1)]
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    on_fail: Literal["rollback", "pause"] = "rollback"
    approve: Literal["auto", "manual"] = "auto"

    @model_validator(mode="after")
    def _consistent(self) -> RolloutConfig:
        if self.stable == self.candidate:
            raise ValueError(f"stable and candidate are both version {self.stable}")
        if any(later <= sooner for sooner, later in zip(self.steps, self.steps[1:], strict=False)):
            raise ValueError(f"steps must ascend, found {[float(f'{step:g}') for step in self.steps]}")
        named = [(gate.metric or gate.promql, gate.bound) for gate in self.gates]
        for metric, bound in named:
            if named.count((metric, bound)) > 1:
                raise ValueError(f"gates: {metric} has {bound} more than once")
        return self


def _one_of(bounds: tuple[Bound, ...]) -> str:
    *first, last = bounds
    return f"exactly one of {', '.join(first)} and {last}" if first else last


def _found(given: list[Bound]) -> str:
    return f"; found {', '.join(given)}" if given else ""
