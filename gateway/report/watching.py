"""What the monitors found of one version in one role, sorted into what a reader looks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from gateway.finite import finite
from gateway.report.content import (
    Alarm,
    Bin,
    Calibration,
    Drifted,
    Figure,
    Gap,
    GroupRate,
    Labels,
    Metric,
    Watched,
)
from gateway.report.judging import Findings
from gateway.report.reading import figure, maybe, measure, number
from monitors.bins import binned
from monitors.measurement import Measurement
from monitors.portrait import Distribution
from monitors.reference import Reference

Key = tuple[str, str, str]
Found = Mapping[Key, Measurement]

_DRIFT, _ANSWERS, _PERFORMANCE, _ESTIMATE, _FAIRNESS = (
    "drift",
    "prediction_drift",
    "performance",
    "estimate",
    "fairness",
)
_LABELS = "labels"
_GROUP = "="
_SLICE = " ["

BINS = 20
"""Bins of a number that a histogram shows, and categories by name."""

CERTAIN = 1e-3
"""A departure in a stretch is shown as one if it is no likelier than this without any change."""


def watched(version: int, role: str, reference: Reference, found: Findings) -> Watched:
    """All that was found, by what it says."""
    whole = {each.key: each for each in found.whole}
    sliced = {key: each for key, each in whole.items() if _SLICE in key[1]}
    plainly = {key: each for key, each in whole.items() if key not in sliced}
    stretches = [{each.key: each for each in stretch} for stretch in found.stretches]
    alarms = found.episodes.read()
    shares = {(each.answer, each.quantity.name): _bins(each) for each in found.distributions}
    kinds = {spec.name: spec.kind for spec in reference.schema.columns}

    def drifted(monitor: str) -> list[Drifted]:
        moved = [
            _drifted(each, kinds, plainly, stretches, alarms, shares.get((monitor == _ANSWERS, each.subject), []))
            for key, each in plainly.items()
            if (key[0], key[2]) == (monitor, "psi")
        ]
        moved.sort(key=lambda each: -(each.psi.value or 0.0))
        return [msgspec.structs.replace(each, rank=rank) for rank, each in enumerate(moved, 1)]

    return Watched(
        version=version,
        role=role,
        rows=found.rows,
        task=reference.schema.task,
        windows=found.episodes.windows,
        labels=_labels(plainly, stretches),
        features=drifted(_DRIFT),
        answers=drifted(_ANSWERS),
        performance=_performance(plainly, stretches),
        calibration=_calibration(plainly),
        gaps=[_gap(each) for each in _of(plainly, _FAIRNESS) if _GROUP not in each.subject],
        groups=[_rate(each) for each in _of(plainly, _FAIRNESS) if _GROUP in each.subject],
        quality=[measure(each) for each in _of(plainly, "quality")],
        others=[measure(each) for key, each in plainly.items() if key[0] in ("multivariate_drift", "outlier")],
        slices=[measure(each) for each in sliced.values()],
        alarms=alarms,
    )


def _of(found: Found, monitor: str) -> Iterable[Measurement]:
    return (each for key, each in found.items() if key[0] == monitor)


def _drifted(
    found: Measurement,
    kinds: Mapping[str, str],
    whole: Found,
    stretches: Sequence[Found],
    alarms: list[Alarm],
    bins: list[Bin],
) -> Drifted:
    shift = whole.get((found.monitor, found.subject, "score_shift"))
    series = [stretch.get(found.key) for stretch in stretches]
    known = [each if each is not None and each.enough else None for each in series]
    return Drifted(
        name=found.subject,
        kind=kinds.get(found.subject, kinds.get(found.subject.rpartition("/")[0], "numeric")),
        rank=0,
        psi=figure(found),
        score_shift=None if shift is None else figure(shift),
        alarms=[each for each in alarms if (each.monitor, each.subject) == (found.monitor, found.subject)],
        bins=bins,
        psi_by_stretch=[None if each is None else number(each.value) for each in known],
        departed_by_stretch=[None if each is None else _departed(each) for each in known],
    )


def _departed(found: Measurement) -> bool:
    return found.matters and found.p is not None and found.p < CERTAIN


def _bins(found: Distribution) -> list[Bin]:
    bins = binned(found.quantity, found.counts, BINS)
    if bins is None:
        return []
    told = zip(bins.labels, bins.reference.tolist(), bins.now.tolist(), strict=True)
    return [Bin(label=label, reference=was, now=now) for label, was, now in told]


def _labels(whole: Found, stretches: Sequence[Found]) -> Labels | None:
    def of(statistic: str) -> Key:
        return _PERFORMANCE, _LABELS, statistic

    if of("coverage") not in whole:
        return None
    median, p90 = (whole.get(of(f"delay_{name}")) for name in ("median", "p90"))
    return Labels(
        coverage=figure(whole[of("coverage")]),
        delay_median=maybe(median),
        delay_p90=maybe(p90),
        by_stretch=[
            number(stretch[of("coverage")].value) if of("coverage") in stretch else 0.0 if stretch else None
            for stretch in stretches
        ],
    )


def _performance(whole: Found, stretches: Sequence[Found]) -> list[Metric]:
    def figures(monitor: str, metric: str, statistic: str) -> list[Figure | None]:
        found = [stretch.get((monitor, metric, statistic)) for stretch in stretches]
        return [None if each is None or not each.enough else figure(each) for each in found]

    names = [key[1] for key in whole if key[2] in ("realised", "estimated")]
    told = []
    for name in dict.fromkeys(sorted(names, key=lambda name: (_PERFORMANCE, name, "realised") not in whole)):
        realised = whole.get((_PERFORMANCE, name, "realised"))
        estimated = whole.get((_ESTIMATE, name, "estimated"))
        gap = whole.get((_ESTIMATE, name, "gap"))
        told.append(
            Metric(
                metric=name,
                realised=maybe(realised),
                estimated=maybe(estimated),
                gap=maybe(gap),
                reference=number(realised.detail.get("reference")) if realised else None,
                realised_by_stretch=figures(_PERFORMANCE, name, "realised"),
                estimated_by_stretch=figures(_ESTIMATE, name, "estimated"),
            )
        )
    return told


def _calibration(whole: Found) -> list[Calibration]:
    error = whole.get((_PERFORMANCE, "ece", "realised"))
    table = error.detail.get("reliability", []) if error is not None and error.enough else []
    return [
        Calibration(
            predicted=finite(row["score"]),
            observed=finite(row["rate"]),
            interval=row["interval"] and (number(row["interval"][0]), number(row["interval"][1])),
            rows=finite(row["n"]),
        )
        for row in table
    ]


def _gap(found: Measurement) -> Gap:
    said = finite(found.detail)
    return Gap(
        attribute=found.subject,
        statistic=found.statistic,
        figure=figure(found),
        highest=said.get("highest"),
        lowest=said.get("lowest"),
        left_out=list(said.get("left_out", ())),
    )


def _rate(found: Measurement) -> GroupRate:
    attribute, _, group = found.subject.partition(_GROUP)
    return GroupRate(attribute=attribute, group=group, statistic=found.statistic, figure=figure(found))
