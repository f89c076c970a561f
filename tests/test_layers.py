"""What may import what: the layers, written down once, and held to the code with its syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("gateway", "monitors")

LAYERS = """
gateway.cli
gateway.recordings
gateway.terminal
gateway.app
gateway.ingress gateway.autoscaling
gateway.link gateway.dedicated
gateway.control
gateway.listening
gateway.grpc.service gateway.front
gateway.rest gateway.grpc.call gateway.direct
gateway.journey gateway.metadata gateway.inference gateway.grpc.messages gateway.reconcile
gateway.catalogue gateway.desired
gateway.version
gateway.warmup gateway.golden gateway.repository gateway.replay
gateway.session gateway.profile gateway.client gateway.environment gateway.batching
gateway.wire.request gateway.wire.answer gateway.wire.classification gateway.wire.compression
gateway.wire.elements
gateway.signature gateway.config
gateway.query gateway.manifest
gateway.tensor gateway.document gateway.pidfile gateway.admission gateway.grpc.reading gateway.ports
gateway.errors gateway.identifier gateway.routing gateway.statistics gateway.log gateway.haproxy gateway.orphans
gateway.grpc.inference_pb2
gateway gateway.grpc gateway.wire
monitors.reference
monitors.archive monitors.score monitors.projection
monitors.categorical
monitors.numeric monitors.schema
monitors.errors
monitors
"""
"""From top to bottom: a module imports only what stands on a lower line. Those on one line know nothing of each other."""

ALONE = {
    "ray": {
        "gateway.app",
        "gateway.autoscaling",
        "gateway.control",
        "gateway.dedicated",
        "gateway.ingress",
        "gateway.link",
        "gateway.listening",
    },
    "onnxruntime": {"gateway.session"},
    "prometheus_client": set[str](),
}
"""Who may import what everybody would like to."""

HEIGHT = {name: -depth for depth, line in enumerate(LAYERS.split("\n")) for name in line.split()}


@cache
def modules() -> dict[str, Path]:
    """Every module of ours by its full name."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """All that a module imports, wherever in it: ours as modules, others by their full path."""
    tree = ast.parse(modules()[module].read_text(encoding="utf-8"))
    return frozenset(name for node in ast.walk(tree) for name in _named(node, module))


def _named(node: ast.AST, module: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, f"{module}: a relative import"
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            yield full if full in modules() else str(node.module)
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


def test_imports_inside_functions_are_seen() -> None:
    """The command line imports Ray's world only once the environment is set; the layers hold there too."""
    assert "gateway.app" in imports("gateway.cli")
    assert "gateway.errors" in imports("gateway.batching")
    assert "gateway.metadata" in imports("gateway.rest")
