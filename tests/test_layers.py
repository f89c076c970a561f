"""What may import what: the layers, written down once, and held to the code with its syntax trees."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("gateway", "monitors")
AROUND = ("grafana", "loadtests", "models")
"""Packages that are built upon those; what they must not have is cycles."""

LAYERS = """
gateway.cli
gateway.app
gateway.ingress
gateway.link
gateway.control gateway.report.__main__ gateway.report.command
gateway.observer.actor gateway.overview gateway.report.compilation gateway.rolling
gateway.observer.asking gateway.remote gateway.report.changes gateway.steering
gateway.management gateway.observer.standing gateway.report.versions gateway.rollout.commands \
    gateway.rollout.ledger
gateway.observer.pulse gateway.observer.samples gateway.prometheus gateway.recordings gateway.report.watching \
    gateway.rollout.machine gateway.storage gateway.validation
gateway.metrics_page gateway.observer.fold gateway.profile gateway.report.judging gateway.rollout.gates
gateway.observer.readings gateway.observer.watching gateway.rollout.interval gateway.shadow.actor
gateway.observer.distributions gateway.observer.trials gateway.rollout.comparison gateway.shadow.supervisor
gateway.rollout.metrics gateway.rollout.strata gateway.shadow.process
gateway.rollout.evidence gateway.shadow.shadowing gateway.tracing.starting
gateway.front gateway.grpc.service gateway.labels.routes gateway.naming gateway.observer.routes \
    gateway.rollout.expectation gateway.shadow.report gateway.shadow.strikes gateway.tracing.otlp \
    gateway.tracing.tracer
gateway.recorder gateway.rest gateway.rollout.outcomes gateway.shadow.checkpoint gateway.shadow.tail \
    gateway.store.store gateway.tracing.finished
gateway.journal.places gateway.journey gateway.labels.command gateway.metadata gateway.reconcile \
    gateway.report.recorded gateway.report.refusing gateway.shadow.answering gateway.store.export \
    gateway.store.forgetting gateway.store.joining gateway.store.tidying
gateway.catalogue gateway.dedicated gateway.grpc.call gateway.journal.reader gateway.labels.delivery \
    gateway.replay.sending gateway.report.routes gateway.shadow.running gateway.store.shelf gateway.store.snapshot
gateway.desired gateway.direct gateway.journal.writer gateway.labels.intake gateway.labels.reading \
    gateway.observer.news gateway.replay.outcomes gateway.report.cards gateway.report.child gateway.report.episodes \
    gateway.shadow.outbox gateway.shares gateway.store.buffer gateway.store.expected gateway.store.overlay \
    gateway.store.tombstones gateway.version
gateway.golden gateway.grpc.messages gateway.inference gateway.journal.columns gateway.journal.segment \
    gateway.labels.parsing gateway.labels.sending gateway.observer.recent gateway.observer.traffic gateway.planning \
    gateway.report.question gateway.repository gateway.shadow.fitting gateway.store.catalogue gateway.store.index \
    gateway.store.rows
gateway.client gateway.environment gateway.journal.frame gateway.labels.inbox gateway.observer.batches \
    gateway.observer.ledger gateway.policy gateway.report.counting gateway.routing gateway.shadow.comparison \
    gateway.store.columns gateway.store.part gateway.terminal gateway.warmup gateway.wire.answer \
    gateway.wire.request gateway.wording
gateway.config gateway.console.routes gateway.labels.label gateway.record gateway.rollout.sentence \
    gateway.session gateway.stickiness gateway.wire.classification gateway.wire.compression gateway.wire.elements
gateway.batching gateway.manifest gateway.observer.texts gateway.report.page gateway.rules gateway.signature \
    gateway.traffic
gateway.admission gateway.document gateway.exposition gateway.grpc.reading gateway.labels.database \
    gateway.labels.files gateway.observer.exemplars gateway.observer.progress gateway.pidfile gateway.ports \
    gateway.query gateway.replay.recording gateway.report.charts gateway.report.reading gateway.report.summary \
    gateway.rollout.duration gateway.roster gateway.scoreboard gateway.secret
gateway gateway.autoscaling gateway.caller gateway.capacity gateway.console gateway.draft gateway.errors \
    gateway.finite gateway.grpc gateway.grpc.inference_pb2 gateway.haproxy gateway.identifier gateway.journal \
    gateway.labels gateway.leaving gateway.listening gateway.log gateway.metrics gateway.observer \
    gateway.observer.histogram gateway.observer.neighbours gateway.orphans gateway.priority gateway.quantity \
    gateway.replay gateway.replay.clock gateway.replay.summary gateway.report gateway.report.axis \
    gateway.report.content gateway.report.numerals gateway.report.period gateway.rollout gateway.rollout.proportion \
    gateway.rollout.sequential gateway.shadow gateway.shadow.attempt gateway.shadow.pace gateway.statistics \
    gateway.store gateway.store.quota gateway.store.unification gateway.tensor gateway.trace gateway.tracing \
    gateway.tracing.delivery gateway.wire
monitors.__main__
monitors.offline monitors.rehearsal
monitors.registry
monitors.hub
monitors.past
monitors.estimate.estimated monitors.fairness.mistakes monitors.fairness.selection monitors.window
monitors.chronicle monitors.drift.change monitors.drift.feature monitors.drift.label monitors.drift.prediction \
    monitors.estimate.multiclass monitors.estimate.value monitors.fairness.amount monitors.performance.change \
    monitors.performance.realised monitors.portion
monitors.detector monitors.drift.multivariate monitors.drift.ranking monitors.estimate.binary monitors.extreme \
    monitors.fairness.groups monitors.outlier monitors.performance.binary monitors.performance.coverage \
    monitors.performance.multiclass monitors.performance.regression monitors.portrait monitors.quality.columns \
    monitors.quality.duplicates monitors.slices monitors.task monitors.trust
monitors.estimate.gap monitors.monitor monitors.performance.calibration monitors.performance.confusion \
    monitors.quality.refusals
monitors.bins monitors.drift.answer monitors.drift.comparison monitors.fairness.gap monitors.performance.figure \
    monitors.quality.reading monitors.view
monitors.judgement monitors.layout monitors.performance.classes monitors.significance
monitors.alarm monitors.reference monitors.significance.homogeneity
monitors.budget monitors.checkpoint monitors.drift.contingency monitors.drift.distance monitors.drift.divergence \
    monitors.drift.uncertainty monitors.halfspace monitors.log monitors.score monitors.significance.proportion \
    monitors.significance.saddlepoint
monitors.categorical monitors.drift.share monitors.estimate.calibrator monitors.manifest monitors.natural \
    monitors.performance.curve monitors.performance.exact monitors.projection monitors.quality.distinct \
    monitors.record monitors.settings monitors.significance.normal monitors.worst
monitors.archive monitors.numeric monitors.schema
monitors monitors.caption monitors.drift monitors.errors monitors.estimate monitors.fairness \
    monitors.measurement monitors.performance monitors.quality monitors.quality.excess monitors.quality.hashing \
    monitors.tally
"""
"""From top to bottom: a module imports only what stands on a lower line. Those on one line know nothing of each other."""

ALONE = {
    "ray": {
        "gateway.app",
        "gateway.autoscaling",
        "gateway.control",
        "gateway.dedicated",
        "gateway.ingress",
        "gateway.leaving",
        "gateway.link",
        "gateway.listening",
        "gateway.observer.actor",
        "gateway.observer.asking",
        "gateway.shadow.actor",
    },
    "onnxruntime": {"gateway.session"},
    "prometheus_client": {"gateway.exposition"},
    "opentelemetry": {"gateway.tracing.otlp"},
    "grafana": set(),
    "loadtests": set(),
    "tests": set(),
}
"""Who may import what everybody would like to; what is built upon us, nobody."""

HEIGHT = {name: -depth for depth, line in enumerate(LAYERS.split("\n")) for name in line.split()}


@cache
def modules(packages: tuple[str, ...] = PACKAGES) -> dict[str, Path]:
    """Every module of these packages by its full name."""
    found = {}
    for package in packages:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def everything() -> dict[str, Path]:
    """Every module that we wrote but the tests."""
    return modules(PACKAGES + AROUND)


@cache
def imports(module: str) -> frozenset[str]:
    """All that a module imports, wherever in it: ours as modules, others by their full path."""
    tree = ast.parse(everything()[module].read_text(encoding="utf-8"))
    return frozenset(name for node in ast.walk(tree) for name in _named(node, module))


def _named(node: ast.AST, module: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, f"{module}: a relative import"
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            yield full if full in everything() else str(node.module)
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
        "import_module",
        "__import__",
    ):
        yield from (word.value for word in node.args if isinstance(word, ast.Constant) and isinstance(word.value, str))


def test_every_module_has_its_layer() -> None:
    """A module that is new, or gone, is entered in LAYERS or taken out of it."""
    assert sorted(HEIGHT) == sorted(modules())
    assert len(LAYERS.split()) == len(HEIGHT)


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_module_imports_only_what_stands_below_it(module: str) -> None:
    """So there are no cycles, and whoever reads a module need know only what is beneath."""
    wrong = [name for name in imports(module) if name in HEIGHT and HEIGHT[name] >= HEIGHT[module]]
    assert not wrong, f"{module} stands below {', '.join(wrong)}, or beside"


@pytest.mark.parametrize("module", [name for name in sorted(modules()) if name.split(".")[0] == "monitors"])
def test_monitors_know_nothing_of_the_gateway(module: str) -> None:
    """They replay a log offline, in a notebook, over Parquet: without the gateway and without Ray."""
    assert not [name for name in imports(module) if name.split(".")[0] in ("gateway", "ray")]


@pytest.mark.parametrize("library", sorted(ALONE))
def test_some_libraries_are_imported_by_named_modules_only(library: str) -> None:
    """What would be hard to replace, or slow to import, stays in one place."""
    users = {name for name in modules() if any(used.split(".")[0] == library for used in imports(name))}
    assert users == ALONE[library]


@pytest.mark.parametrize("module", ["gateway.ingress", "gateway.control"])
def test_what_only_the_observer_needs_is_loaded_by_it_alone(module: str) -> None:
    """River brings scikit-learn and SciPy along: 60 MiB, and a second of every start."""
    waiting, seen = [module], set[str]()
    while waiting:
        found = imports(waiting.pop()) & modules().keys() - seen
        seen |= found
        waiting += found
    assert "gateway.observer.asking" in seen
    assert seen.isdisjoint({"gateway.observer.actor", "monitors.registry"})


@pytest.mark.parametrize("package", AROUND)
def test_packages_around_it_have_no_cycles(package: str) -> None:
    """The layers follow from what they import."""
    names = modules((package,))
    graphlib.TopologicalSorter({name: imports(name) & names.keys() for name in names}).prepare()


def test_imports_inside_functions_are_seen() -> None:
    """The command line imports Ray's world only once the environment is set; the layers hold there too."""
    assert "gateway.app" in imports("gateway.cli")
    assert "gateway.errors" in imports("gateway.batching")
    assert "gateway.metadata" in imports("gateway.rest")
