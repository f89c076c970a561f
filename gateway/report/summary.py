"""The report in plain sentences, for the top of the page."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.report.content import Drifted, Metric, Report, Watched
from gateway.report.numerals import (
    count,
    counted,
    decimal,
    duration,
    interval,
    listed,
    milliseconds,
    moment,
    name,
    share,
)

HEADLINE = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "mae"}
"""The metric that each kind of model is judged by."""

_NAMED = 3
_ENDS = ("succeed", "fail", "abort", "promote", "supersede")


def summary(report: Report) -> list[str]:
    """Sentences that stand by themselves, the most important first; each holds for the whole period."""
    return [*_traffic(report), *(each for one in report.watched for each in _watched(one)), *_rollout(report)]


def headline(watched: Watched) -> Metric | None:
    """The metric by which the model is judged, if it was measured or estimated."""
    wanted = HEADLINE.get(watched.task)
    return next((each for each in watched.performance if each.metric == wanted), None)


def drifting(features: list[Drifted]) -> list[Drifted]:
    """Those whose drift raised an alarm, the farthest first."""
    return [each for each in features if each.alarms]


def title(watched: Watched) -> str:
    """How sentences name a version: `Version 2`, `Version 3 (shadow)`."""
    return f"Version {watched.version}" + ("" if watched.role == "primary" else f" ({watched.role})")


def _traffic(report: Report) -> Iterator[str]:
    traffic = report.traffic
    rows = "" if traffic.rows == traffic.requests else f" with {counted(traffic.rows, 'row')}"
    between = f"between {moment(report.period.first)} and {moment(report.period.last)} (UTC)"
    yield f"{counted(traffic.requests, 'request')}{rows} {'was' if traffic.requests == 1 else 'were'} answered {between}."
    if traffic.refused:
        most = traffic.refusals[0]
        of_all = share(traffic.refused / (traffic.refused + traffic.requests))
        yield f"{count(traffic.refused)} ({of_all}) were refused, most of all as {most.code} ({count(most.requests)})."
    if traffic.latency.p50 is not None:
        half, most_ = milliseconds(traffic.latency.p50), milliseconds(traffic.latency.p99)
        yield f"Half of the answers took less than {half}, 99 of 100 less than {most_}."


def _watched(watched: Watched) -> Iterator[str]:
    who = title(watched)
    if watched.silent is not None:
        yield f"{who} is not judged. {watched.silent}"
        return
    yield f"{who}: {_drift(watched)}"
    yield f"{who}: {_performance(watched)}"
    gap = next((alarm for alarm in watched.alarms if (alarm.monitor, alarm.statistic) == ("estimate", "gap")), None)
    if gap is not None:
        yield (
            f"{who}: {name(gap.subject)} came out worse than had been estimated from {moment(gap.fired)} on, so that what the "
            f"inputs mean may have changed."
        )
    yield from (f"{who}: {each}" for each in _fairness(watched))
    yield from (f"{who}: {each}" for each in _quality(watched))


def _drift(watched: Watched) -> str:
    moved = drifting(watched.features)
    if moved:
        still = sum(any(alarm.resolved is None for alarm in each.alarms) for each in moved)
        named = [f"{each.name} (PSI {decimal(each.psi.value)})" for each in moved[:_NAMED]]
        more = "" if len(moved) <= _NAMED else f", and {len(moved) - _NAMED} more"
        drifted = (
            f"{counted(len(moved), 'feature')} of {len(watched.features)} drifted, most of all {', '.join(named)}{more}"
        )
        drifted += f"; {still} still did at the end." if still else "; all were back at the end."
    elif not any(each.psi.enough for each in watched.features):
        drifted = "there are too few rows to say whether its features drifted."
    else:
        drifted = f"none of its {counted(len(watched.features), 'feature')} drifted."
    answers = drifting(watched.answers)
    return drifted + (f" So did what it answers ({listed([each.name for each in answers])})." if answers else "")


def _performance(watched: Watched) -> str:
    metric, labels = headline(watched), watched.labels
    if labels is None:
        if metric is not None and metric.estimated is not None and metric.estimated.enough:
            figure = f"{decimal(metric.estimated.value)}{_between(metric.estimated.interval)}"
            return f"no label is known yet; {name(metric.metric)} is estimated at {figure}."
        return "no label is known yet, so that nobody can say how good it was."
    known = f"labels are known of {share(labels.coverage.value)} of its {counted(watched.rows, 'answer')}"
    if labels.delay_median is not None and labels.delay_median.value is not None:
        known += f", half of them after {duration(labels.delay_median.value)}"
    realised = metric.realised if metric else None
    if metric is None or realised is None or not realised.enough:
        return f"{known}: too few to say how good it was."
    then = "" if metric.reference is None else f"; on the training data it was {decimal(metric.reference)}"
    fell = any((alarm.monitor, alarm.statistic) == ("performance", "realised") for alarm in watched.alarms)
    alarmed = " That it became worse raised an alarm." if fell else ""
    figure = f"{name(metric.metric)} was {decimal(realised.value)}{_between(realised.interval)}"
    return f"{figure}{then}; {known}.{alarmed}"


def _between(found: tuple[float | None, float | None] | None) -> str:
    return f" ({interval(found)})" if found else ""


def _fairness(watched: Watched) -> Iterator[str]:
    wide = {(alarm.subject, alarm.statistic) for alarm in watched.alarms if alarm.monitor == "fairness"}
    for gap in watched.gaps:
        if (gap.attribute, gap.statistic) in wide:
            ends = (
                f"; {gap.highest} has the highest rate, {gap.lowest} the lowest" if gap.highest and gap.lowest else ""
            )
            yield (
                f"groups of {gap.attribute} were apart: {name(gap.statistic)} {decimal(gap.figure.value)}"
                f"{_between(gap.figure.interval)}{ends}."
            )
    small = sorted({group for gap in watched.gaps for group in gap.left_out})
    if small:
        named = listed(small[:_NAMED]) + (", …" if len(small) > _NAMED else "")
        yield f"{counted(len(small), 'group')} ({named}) had too few rows to be compared."


def _quality(watched: Watched) -> Iterator[str]:
    bad = {(alarm.subject, alarm.statistic): None for alarm in watched.alarms if alarm.monitor == "quality"}
    if bad:
        told = [f"{subject} ({name(statistic)})" for subject, statistic in bad]
        more = "" if len(told) <= _NAMED else f", and {len(told) - _NAMED} more"
        yield f"the quality of its data raised {counted(len(told), 'alarm')}: {', '.join(told[:_NAMED])}{more}."


def _rollout(report: Report) -> Iterator[str]:
    events = report.rollout.events
    if not events:
        yield "No rollout began, moved or ended."
        return
    ends = [event for event in events if event.what in _ENDS]
    last = (ends or events)[-1]
    moved = f"{last.before} → {last.after}" if last.before else last.after
    total = len(events) + report.rollout.left_out
    which = "the last end" if ends else "the last one"
    yield f"Rollouts: {counted(total, 'event')}; {which}: {last.what} on {moment(last.time)}, {moved}, because {last.why}."
