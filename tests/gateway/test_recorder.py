"""Every exchange is in the statistics and in the journal, and a full journal does what it was told to."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from gateway.admission import Admission
from gateway.catalogue import Entry, Status
from gateway.config import Config, ModelConfig, Recording
from gateway.errors import BadRequest, Overloaded
from gateway.journal.reader import HOLD_NS, Chunk, Reader
from gateway.journal.writer import Bounds, Journal
from gateway.journey import Exchange
from gateway.manifest import Column, Manifest
from gateway.query import Answer, Query
from gateway.recorder import Recorder, recipes
from gateway.routing import Route
from gateway.signature import Signature, Spec
from gateway.tensor import Tensor
from gateway.version import Runner, Version

BOUNDS = Bounds(64 << 10, 1 << 20)
INPUT, OUTPUT = Spec("x", "FP32", (-1, 2)), Spec("y", "FP32", (-1, 1))
MANIFEST = Manifest(
    name="scale",
    version=1,
    inputs=(Column(**INPUT._asdict()),),
    outputs=(Column(**OUTPUT._asdict()),),
    groups=("sex",),
)


@pytest.fixture
def version() -> Version:
    """A version that nobody runs."""
    runner: Runner = None  # type: ignore[assignment]
    return Version(MANIFEST, Signature("scale/1", [INPUT], [OUTPUT]), "stamp", runner)


class Bench:
    """A recorder with its journal, and what can be read of it."""

    def __init__(self, folder: Path, record: Recording, bounds: Bounds, refusing: bool) -> None:
        self.folder = folder
        self.admission = Admission(8)
        self.journal = Journal(folder, bounds)
        config = Config(models={"scale": ModelConfig(record=record)})
        self.recorder = Recorder(self.journal, self.admission, recipes(config, b"k" * 32), refusing)
        self.reader = Reader(folder / self.journal.name)

    def read(self) -> Chunk:
        """What is new in the journal."""
        return self.reader.read(time.time_ns() + HOLD_NS * 2)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Makes a bench."""
    made: list[Bench] = []

    def make(record: Recording | None = None, bounds: Bounds = BOUNDS, refusing: bool = False) -> Bench:
        made.append(Bench(tmp_path / str(len(made)), record or Recording(), bounds, refusing))
        return made[-1]

    yield make
    for each in made:
        each.recorder.close()


def answered(version: Version, rows: int = 1, parameters: dict[str, str | int] | None = None) -> Exchange:
    """An exchange that went well."""
    x, y = np.ones((rows, 2), np.float32), np.full((rows, 1), 7, np.float32)
    return Exchange(
        time.time_ns(),
        "id",
        "scale",
        trace="0" * 31 + "1",
        cohort="beta",
        revision=4,
        query=Query("", [], parameters=parameters or {}),
        route=Route(1, "split"),
        entry=Entry(Status("READY"), version),
        version=version,
        inputs={"x": x},
        answer=Answer("scale", 1, "id", [Tensor("y", "FP32", y)]),
        rows=rows,
        queue_ns=1,
        infer_ns=2,
        total_ns=3,
    )


def test_an_answer_is_recorded_with_all_that_led_to_it(bench: Callable[..., Bench], version: Version) -> None:
    """Inputs, outputs, groups, timings, and why this version; and its version's statistics count it."""
    made = bench()
    exchange = answered(version, 2, {"sex": "f"})
    made.recorder(exchange)
    ((layout, frame),) = made.read().answers
    assert (layout.model, layout.version, layout.groups) == ("scale", 1, ("sex",))
    assert (frame.id, frame.trace, frame.cohort, frame.revision) == ("id", "0" * 31 + "1", "beta", 4)
    assert (frame.route, frame.rows, frame.groups, frame.shadow) == ("split", 2, ["f"], False)
    assert (frame.queue, frame.compute, frame.total) == (1, 2, 3)
    assert np.frombuffer(frame.inputs[0], np.float32).tolist() == [1, 1, 1, 1]  # type: ignore[arg-type]
    assert np.frombuffer(frame.outputs[0], np.float32).tolist() == [7, 7]  # type: ignore[arg-type]
    assert exchange.entry is not None
    assert exchange.entry.statistics.counts["success"] == 1


def test_a_refusal_is_recorded_with_its_reason(bench: Callable[..., Bench]) -> None:
    """Its code and status, and no payload; a client's word for the model is cut short."""
    made = bench()
    made.recorder(Exchange(1, "id", "x" * 500, refusal=BadRequest("no"), total_ns=9))
    (frame,) = made.read().refusals
    assert (frame.id, frame.model, frame.version, frame.status, frame.code) == ("id", "x" * 128, 0, 400, "bad_request")


def test_what_is_too_large_is_recorded_without_its_tensors(bench: Callable[..., Bench], version: Version) -> None:
    """First the inputs go; the outputs stay if they fit."""
    made = bench(Recording(max_bytes=1_000))
    made.recorder(answered(version, 200))
    made.recorder(answered(version, 2_000))
    frames = [frame for _, frame in made.read().answers]
    assert [(frame.inputs, frame.outputs[0] is None) for frame in frames] == [([None], False), ([None], True)]


def test_a_dropped_input_never_touches_the_disk(bench: Callable[..., Bench], version: Version) -> None:
    """Its layout does not name it."""
    made = bench(Recording.model_validate({"redact": {"x": "drop"}}))
    made.recorder(answered(version))
    ((layout, frame),) = made.read().answers
    assert (layout.inputs, frame.inputs) == ((), [])


@pytest.mark.parametrize("refusing", [True, False])
def test_a_full_journal(bench: Callable[..., Bench], version: Version, refusing: bool) -> None:
    """Told to refuse, the gateway takes on nothing until there is room again; told to drop, it goes on and counts."""
    made = bench(bounds=Bounds(64 << 10, 64 << 10), refusing=refusing)
    with pytest.raises(Overloaded, match="unrecorded") if refusing else nullcontext():
        while not made.recorder.report()["full"]:
            exchange = answered(version)
            made.recorder(exchange)
    assert made.recorder.report() == {"full": True, "lost": 1}
    assert (exchange.answer is None) == (exchange.refusal is not None) == refusing
    assert exchange.entry is not None
    assert exchange.entry.statistics.counts["fail" if refusing else "success"] == 1
    if refusing:
        with pytest.raises(Overloaded, match="the journal is full"):
            made.admission.enter(0)
    else:
        made.admission.enter(0)
        made.admission.leave(0)
    made.read()
    made.reader.delete(made.reader.place._replace(segment=2))
    made.recorder.tend()
    assert made.recorder.report() == {"full": False, "lost": 1}
    made.admission.enter(0)
    made.recorder(answered(version))
    chunk = made.read()
    assert len(chunk.answers) == 1
    assert [lost.count for lost in chunk.lost] == [1]


def test_a_replaced_version_gets_a_layout_of_its_own(bench: Callable[..., Bench], version: Version) -> None:
    """Even if it has the number of the one before."""
    made = bench()
    made.recorder(answered(version))
    made.recorder(answered(Version(MANIFEST, version.signature, "other stamp", version.runner)))
    assert [layout.stamp for layout, _ in made.read().answers] == ["stamp", "other stamp"]


def test_a_version_that_was_replaced_is_not_held(bench: Callable[..., Bench], version: Version) -> None:
    """It holds a model; and later segments do not declare its layout."""
    made = bench()
    replaced = Version(MANIFEST, version.signature, "replaced", version.runner)
    made.recorder(answered(replaced))
    gone = weakref.ref(replaced)
    del replaced
    assert gone() is None
    made.recorder(answered(version))
    made.journal.renew()
    made.recorder(answered(version))
    assert [layout.stamp for layout, _ in made.read().answers] == ["replaced", "stamp", "stamp"]
    assert len(made.journal._declared) == 1


@pytest.mark.parametrize(
    ("sent", "kept"), [(2**64, "18446744073709551616"), (-(2**63) - 1, "-9223372036854775809"), (2**64 - 1, 2**64 - 1)]
)
def test_a_group_that_is_a_whole_number_of_any_size_is_recorded(
    bench: Callable[..., Bench], version: Version, sent: int, kept: object
) -> None:
    """JSON has them, and the journal's form has not."""
    made = bench()
    made.recorder(answered(version, parameters={"sex": sent}))
    assert [frame.groups for _, frame in made.read().answers] == [[kept]]


def test_groups_that_are_too_large_go_too(bench: Callable[..., Bench], version: Version) -> None:
    """They are the client's, and may be as long as a body."""
    made = bench(Recording(max_bytes=1_000))
    made.recorder(answered(version, parameters={"sex": "x" * 10_000}))
    ((_, frame),) = made.read().answers
    assert (frame.inputs, frame.outputs, frame.groups) == ([None], [None], [None])


def test_an_exchange_that_cannot_be_recorded_is_counted_as_lost(bench: Callable[..., Bench], version: Version) -> None:
    """Whatever the reason, which is told."""
    made = bench()
    exchange = answered(version)
    exchange.inputs = {}
    with pytest.raises(KeyError):
        made.recorder(exchange)
    assert made.recorder.report() == {"full": False, "lost": 1}
    assert exchange.entry is not None
    assert exchange.entry.statistics.counts["success"] == 1
