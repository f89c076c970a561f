"""How what comes in and what is answered is distributed, beside the training data; and how often scores come true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

from gateway import metrics
from gateway.metrics import Sample
from gateway.observer.ledger import Subject
from monitors.bins import MISSING, Bins, binned
from monitors.caption import caption
from monitors.hub import Hub
from monitors.judgement import Window
from monitors.numeric import Numeric
from monitors.portrait import Distribution, Portrait

PREDICTION = "prediction"
"""Stands for the answers among the features: several classes by themselves, everything else by its score."""

SHOWN = 8
"""Features of a version whose shares are metrics, those that drifted most; beside them the answers."""

TOLD = 64
"""Features that are told as JSON, in the same order."""

RESERVED = frozenset({PREDICTION, "score", "class", "reconstruction_error", "other", "ids", "inputs", "requests"})
"""What monitors measure that is no input; an input of such a name is `input.NAME` as a label, so that no two series agree."""


def feature_label(name: str) -> str:
    """An input as the label `feature`."""
    return caption(f"input.{name}" if name in RESERVED else name)


def shares(subject: Subject, portrait: Portrait | None) -> Iterator[Sample]:
    """Of the answers, and of the features that drifted most: the share of each bin now and in the training data.

    Labels are sorted as text, so bins of numbers begin with their place: `01 ≤ 3.2`, `02 3.2 – 7`. Shadows see what their
    primary sees, and have none.
    """
    if portrait is None or subject.role != "primary":
        return
    for feature, bins in _labelled(portrait):
        for label, reference, now in zip(bins.labels, bins.reference.tolist(), bins.now.tolist(), strict=True):
            labels = (subject.model, str(subject.version), feature, label)
            yield Sample(metrics.FEATURE_SHARE, labels, now)
            yield Sample(metrics.REFERENCE_SHARE, labels, reference)


def calibration(subject: Subject, windows: Iterable[Window]) -> Iterator[Sample]:
    """Scores beside what came true, by tenths of the labelled rows: `01` has the lowest scores."""
    if subject.role != "primary":
        return
    for place, entry in enumerate(reliability(windows), 1):
        labels = (subject.model, str(subject.version), f"{place:02d}")
        yield Sample(metrics.CALIBRATION_PREDICTED, labels, entry["score"])
        yield Sample(metrics.CALIBRATION_OBSERVED, labels, entry["rate"])


def reliability(windows: Iterable[Window]) -> list[dict[str, Any]]:
    """Of the window whose labels have come: mean score, observed rate, interval and rows of each tenth; [] for none."""
    for window in windows:
        for judged in window.judged:
            found = judged.measurement
            if found.subject == "ece" and found.key == ("performance", "ece", "realised") and found.enough:
                return list(found.detail.get("reliability", ()))
    return []


def distributions(subject: Subject, hub: Hub) -> dict[str, Any]:
    """The same as plain values, of more features. end: ns since the epoch, null before the first window has closed."""
    portrait = hub.portrait
    curve = [
        {"predicted": entry["score"], "observed": entry["rate"], "interval": entry["interval"], "rows": entry["n"]}
        for entry in reliability(hub.latest())
    ]
    return {
        "version": subject.version,
        "role": subject.role,
        "end": portrait and portrait.end,
        "rows": portrait.rows if portrait else 0,
        "features": list(islice(_told(portrait), 1 + TOLD)) if portrait else [],
        "calibration": curve or None,
    }


def _told(portrait: Portrait) -> Iterator[dict[str, Any]]:
    for each in portrait.ranked():
        bins = binned(each.quantity, each.counts)
        if bins is not None:
            yield {
                "feature": _name(each),
                "kind": "numeric" if isinstance(each.quantity.profile, Numeric) else "categorical",
                "bins": list(bins.labels),
                "reference": [round(share, 6) for share in bins.reference.tolist()],
                "now": [round(share, 6) for share in bins.now.tolist()],
            }


def _name(each: Distribution) -> str:
    if each.answer:
        return PREDICTION
    return feature_label(each.quantity.name) if each.quantity.name == PREDICTION else each.quantity.name


@lru_cache(maxsize=256)
def _labelled(portrait: Portrait) -> tuple[tuple[str, Bins], ...]:
    """Metrics are asked for each second, and a portrait does not change."""
    ranked = ((each, binned(each.quantity, each.counts)) for each in portrait.ranked())
    shown = ((each, _sorted(bins)) for each, bins in ranked if bins is not None)
    found = [
        (PREDICTION if each.answer else feature_label(each.quantity.name), each.answer, bins) for each, bins in shown
    ]
    answers = [(name, bins) for name, answer, bins in found if answer]
    return (*answers, *[(name, bins) for name, answer, bins in found if not answer][:SHOWN])


def _sorted(bins: Bins) -> Bins:
    """With labels that, sorted as text, keep the order of numbers, what is missing last."""
    if not bins.ordered:
        return bins
    labels = tuple(f"{99 if label == MISSING else place:02d} {label}" for place, label in enumerate(bins.labels, 1))
    return Bins(labels, bins.reference, bins.now, ordered=False)
