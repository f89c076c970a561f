"""A repository with a primary and its shadow, recorded requests, and what became of them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from gateway.config import Config
from gateway.journal.frame import Answered, Refused
from gateway.journal.reader import Chunk, Reader
from gateway.journal.writer import Bounds, Journal
from gateway.policy import Recipe
from gateway.query import Rows
from gateway.recorder import recipes
from gateway.repository import scan
from gateway.shadow import checkpoint as checkpoints
from gateway.shadow.checkpoint import Checkpoint, Shadow, register
from gateway.shadow.running import CRASHED, Failed, Running
from gateway.shadow.shadowing import Ready, Shadowing
from gateway.version import Version, prepare
from tests import onnx_models
from tests.onnx_models import declared, save, value

KEY = b"k" * 32
MEANING = {"task": "binary", "score": "score", "prediction": "late", "classes": [0, 1], "max_batch_size": 256}


def judge(bias: float = 0.0, least: float = 0.5) -> onnx.ModelProto:
    """score = sigmoid(x + bias), late = score > least; x is [N, 1]."""
    return onnx_models.model(
        [
            helper.make_node("Add", ["x", "bias"], ["moved"]),
            helper.make_node("Sigmoid", ["moved"], ["score"]),
            helper.make_node("Greater", ["score", "least"], ["above"]),
            helper.make_node("Cast", ["above"], ["late"], to=TensorProto.INT64),
        ],
        [value("x", "FP32", ("N", 1))],
        [value("score", "FP32", ("N", 1)), value("late", "INT64", ("N", 1))],
        {"bias": np.float32(bias), "least": np.float32(least)},
    )


def root() -> onnx.ModelProto:
    """score = √x, which is NaN below 0."""
    return onnx_models.model(
        [
            helper.make_node("Sqrt", ["x"], ["score"]),
            helper.make_node("Cast", ["score"], ["late"], to=TensorProto.INT64),
        ],
        [value("x", "FP32", ("N", 1))],
        [value("score", "FP32", ("N", 1)), value("late", "INT64", ("N", 1))],
    )


def positive() -> onnx.ModelProto:
    """y = the rows of x that are above 0."""
    return onnx_models.model(
        [
            helper.make_node("Greater", ["x", "least"], ["above"]),
            helper.make_node("Squeeze", ["above", "axes"], ["chosen"]),
            helper.make_node("Compress", ["x", "chosen"], ["y"], axis=0),
        ],
        [value("x", "FP32", ("N", 1))],
        [value("y", "FP32", ("M", 1))],
        {"least": np.float32(0), "axes": np.array([1], np.int64)},
    )


def quotient() -> onnx.ModelProto:
    """y = a / b: INT64_MIN by -1 ends the process with SIGFPE."""
    return onnx_models.model(
        [helper.make_node("Div", ["a", "b"], ["y"])],
        [value("a", "INT64", ("N", 1)), value("b", "INT64", ("N", 1))],
        [value("y", "INT64", ("N", 1))],
    )


def difference() -> onnx.ModelProto:
    """y = a - b, whatever they are."""
    return onnx_models.model(
        [helper.make_node("Sub", ["a", "b"], ["y"])],
        [value("a", "INT64", ("N", 1)), value("b", "INT64", ("N", 1))],
        [value("y", "INT64", ("N", 1))],
    )


def patience() -> onnx.ModelProto:
    """y = x + 1 + 1 + …, as often as the largest x says."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Add", ["held", "one"], ["more"])],
        "body",
        [value("i", "INT64", ()), value("go", "BOOL", ()), value("held", "FP32", ("N", 1))],
        [value("go_on", "BOOL", ()), value("more", "FP32", ("N", 1))],
    )
    return onnx_models.model(
        [
            helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
            helper.make_node("Cast", ["most"], ["times"], to=TensorProto.INT64),
            helper.make_node("Loop", ["times", "", "x"], ["y"], body=body),
        ],
        [value("x", "FP32", ("N", 1))],
        [value("y", "FP32", ("N", 1))],
        {"one": np.float32(1)},
    )


class Site:
    """A model `m` with version 1, which answers, and version 2, its shadow."""

    def __init__(
        self, folder: Path, primary: onnx.ModelProto, shadow: onnx.ModelProto, meaning: Mapping[str, Any], **more: Any
    ) -> None:
        self.data = folder / "var"
        for number, made in ((1, primary), (2, shadow)):
            save(folder / "models", "m", number, made, manifest=declared("m", number, made, **meaning))
        content = {"shadow": [2], **more.pop("model", {})}
        self.config = Config.model_validate(
            {"data": self.data, "repository": folder / "models", "models": {"m": content}, **more}
        )
        self.shadow = Shadow("m", 2)
        self.journals: list[Journal] = []
        self._open: list[Shadowing] = []
        self.asked: list[str] = []
        self._primary = self._version(1)
        register(self.config)

    def journal(self) -> Journal:
        """A new one, of a replica that has just started."""
        journal = Journal(self.data / "journal", Bounds(1 << 20, self.config.journal.max_bytes))
        journal.declare(0, self.recipe(1).layout)
        self.journals.append(journal)
        return journal

    def ask(self, name: str, journal: Journal | None = None, at: int | None = None, **inputs: Any) -> None:
        """A request that version 1 answered a while ago."""
        journal = journal or (self.journals[-1] if self.journals else self.journal())
        specs = self._primary.signature.inputs
        rows: Rows = {
            key: np.array(given, "<f4" if specs[key].datatype == "FP32" else "<i8").reshape(-1, 1)
            for key, given in inputs.items()
        }
        count = len(next(iter(rows.values())))
        result = asyncio.run(self._primary.runner.run(rows, count, None, None, None))
        frame = answered(self.recipe(1), name, at or time.time_ns(), rows, result.outputs, count)
        assert journal.append(frame)
        self.asked.append(name)

    def recipe(self, version: int) -> Recipe:
        """How a version's answers are recorded."""
        found = recipes(self.config, KEY)(self._version(version) if version != 1 else self._primary)
        assert found
        return found

    def shadowing(self, died_of: Failed = CRASHED, load: bool = True, most_rows: int = 256) -> Shadowing:
        """The shadow; the one before it is dropped as a crash would drop it."""
        made = Shadowing(self.config, self.shadow, died_of, 30)
        self._open.append(made)
        if load:
            made.load(lambda: Ready(Running(self._version(2), most_rows), self.recipe(2)), 30)
        return made

    def frames(self) -> list[Answered | Refused]:
        """All that readers can see of the shadow."""
        found: list[Answered | Refused] = []
        for path in sorted((self.data / "journal").glob("shadow-*")):
            chunk: Chunk = Reader(path).read(time.time_ns())
            found += [*(frame for _, frame in chunk.answers), *chunk.refusals]
        return found

    def names(self) -> Counter[str]:
        """How often each request was shadowed."""
        return Counter(frame.id for frame in self.frames())

    @property
    def kept(self) -> Checkpoint:
        """The checkpoint, as it is on the disk."""
        found = checkpoints.read(self.data, self.shadow)
        assert found
        return found

    def close(self) -> None:
        """Lets go of everything."""
        for shadowing in self._open:
            shadowing.close()

    def _version(self, number: int) -> Version:
        settings = self.config.settings("m")
        assert settings
        return prepare(scan(self.config.repository)["m"][number], settings, self.config.limits)


def answered(recipe: Recipe, name: str, at: int, rows: Rows, outputs: Mapping[str, Any], count: int) -> Answered:
    """The frame that a replica would write."""
    return Answered(
        at,
        name,
        "0" * 31 + "1",
        0,
        False,
        "stable",
        7,
        "beta",
        count,
        5,
        1_000,
        2_000,
        [encode(rows[key]) for key, encode in recipe.inputs],
        [encode(outputs[key]) for key, encode in recipe.outputs],
        [],
    )


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes a site; `shadow` is the model of its version 2."""
    made: list[Site] = []

    def make(
        shadow: onnx.ModelProto | None = None,
        primary: onnx.ModelProto | None = None,
        meaning: Mapping[str, Any] = MEANING,
        **more: Any,
    ) -> Site:
        made.append(Site(tmp_path / str(len(made)), primary or judge(), shadow or judge(1.0), meaning, **more))
        return made[-1]

    yield make
    for site in made:
        site.close()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """One whose shadow says a little more often that it is late."""
    return make_site()
