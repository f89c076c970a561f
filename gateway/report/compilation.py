"""A report out of what is on disk: the store, the rollouts' ledger and the repository. No gateway has to run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.metadata import version as installed

import msgspec

from gateway.config import Config
from gateway.errors import RepositoryError
from gateway.manifest import Manifest, read_manifest
from gateway.record import Role
from gateway.report.changes import changes
from gateway.report.content import Report, Span, Traffic
from gateway.report.counting import Counting, Durations
from gateway.report.period import SECOND, Scale
from gateway.report.question import Question, version_of
from gateway.report.reading import iso
from gateway.report.refusing import Refusals, refusals
from gateway.report.summary import summary
from gateway.report.versions import Progress, Versions, folder
from gateway.store.snapshot import snapshot

_ROLES: tuple[Role, ...] = ("primary", "shadow")


def compile_report(config: Config, question: Question, progress: Progress | None = None) -> Report:
    """What is committed of a model, judged as the gateway would have judged it.

    Memory does not grow with the number of rows, but for those whose label became known after the row that is being read.
    Raises NotFound if there is nothing to tell, saying where there is something; SetupError if the store cannot be read.
    """
    with snapshot(config.data, question.model) as found:
        refused = refusals(config.data, question)
        parts = question.parts(found.parts)
        ends = [(part.begin * 1000, part.end * 1000) for part in parts] + refused.ends
        if not ends or not (found.parts or (config.repository / question.model).is_dir()):
            raise question.unanswered(found.parts)
        first, last = min(first for first, _ in ends), max(last for _, last in ends)
        scale = Scale.of(*question.period.within(first, last))
        versions = Versions(config, question, found, scale, progress)
        versions.total = sum(part.rows for part in parts)
        for version, role in sorted({(version_of(part), part.key.role or "primary") for part in parts}, key=_order):
            versions.read(version, role, [p for p in parts if (version_of(p), p.key.role) == (version, role)])
        if not versions.counted and not refused.total:
            raise question.unanswered(found.parts)
    report = _composed(config, question, scale, versions, refused)
    return msgspec.structs.replace(report, summary=summary(report))


def _composed(config: Config, question: Question, scale: Scale, versions: Versions, refused: Refusals) -> Report:
    period, counted = question.period, versions.counted
    ends = [(each.first, each.last) for each in counted] + refused.ends
    manifest = _manifest(config, question.model, [each.version for each in counted])
    return Report(
        driftgate=installed("driftgate"),
        model=question.model,
        description=manifest.description if manifest else "",
        owner=manifest.owner if manifest else "",
        made=iso(time.time_ns()),
        period=Span(
            begin=None if period.begin is None else iso(period.begin),
            end=None if period.end is None else iso(period.end),
            first=iso(min(first for first, _ in ends)),
            last=iso(max(last for _, last in ends)),
            width=scale.width / SECOND,
            stretches=[iso(start) for start in scale.starts],
        ),
        versions=list(question.versions),
        traffic=_traffic(counted, refused, scale),
        watched=versions.watched,
        rollout=changes(config.data, question),
    )


def _traffic(counted: Sequence[Counting], refused: Refusals, scale: Scale) -> Traffic:
    primaries = [each for each in counted if each.role == "primary"]
    total = Durations()
    for each in primaries:
        total.merge(each.total)
    return Traffic(
        requests=sum(each.requests for each in primaries),
        rows=sum(each.rows for each in primaries),
        refused=refused.total,
        latency=total.read(),
        served=[each.read() for each in counted],
        refusals=refused.requests,
        refused_by_stretch=refused.by_stretch(scale),
    )


def _manifest(config: Config, model: str, versions: Sequence[int]) -> Manifest | None:
    """What the newest version says of itself; None where it says nothing that can be read."""
    for version in sorted(versions, reverse=True):
        try:
            return read_manifest(folder(config, model, version) / "model.yaml")
        except RepositoryError:
            continue
    return None


def _order(subject: tuple[int, Role]) -> tuple[int, int]:
    return _ROLES.index(subject[1]), subject[0]
