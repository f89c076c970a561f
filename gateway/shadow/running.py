"""Runs a shadow on batches of primaries, and says of each what came of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gateway.errors import GatewayError
from gateway.journal.frame import Answered
from gateway.query import Rows
from gateway.shadow.fitting import Fitting
from gateway.signature import Spec
from gateway.tensor import Array, bf16_to_fp32
from gateway.version import LocalRunner, Version

logger = logging.getLogger("driftgate")

MOST_ROWS = 256

Frames = Sequence[Answered]


class Failed(NamedTuple):
    """The shadow did not answer. status: as HTTP would say it."""

    code: str
    status: int


CRASHED, TIMED_OUT = Failed("shadow_crashed", 500), Failed("shadow_timed_out", 504)
WRONG_SHAPE, NOT_FINITE, INTERNAL = (
    Failed("shadow_shape", 500),
    Failed("shadow_not_finite", 500),
    Failed("internal", 500),
)


class Answer(NamedTuple):
    """Outputs of requests that were run together, one behind the other, and how long that took.

    failed: those of the requests that are refused all the same, by their place.
    """

    outputs: dict[str, Array]
    inputs: Rows
    took_ns: int
    failed: dict[int, Failed]


class Running:
    """A version that is loaded. most_rows: so many are run together at the most; 1 for a version that must not be merged."""

    def __init__(self, version: Version, most_rows: int) -> None:
        self.version = version
        runner = version.runner
        merges = isinstance(runner, LocalRunner) and runner.measured.mergeable and most_rows > 0
        self.most_rows = min(most_rows, MOST_ROWS) if merges else 1
        self._loop = asyncio.new_event_loop()
        self._specs = version.signature.outputs
        self._score = version.manifest.score

    def run(self, fitting: Fitting, frames: Frames) -> Answer | Failed:
        """Their answers, run as one."""
        rows, count = fitting.rows(frames)
        try:
            result = self._loop.run_until_complete(self.version.runner.run(rows, count, None, None, None))
        except GatewayError as problem:
            return Failed(problem.code, problem.status)
        except Exception:
            logger.exception("%s: a shadow failed in a way that is not foreseen", self.version.manifest.label)
            return INTERNAL
        for name, array in result.outputs.items():
            if not self._fits(array, self._specs[name], count):
                return WRONG_SHAPE
        return Answer(result.outputs, rows, result.compute_ns, self._not_finite(result.outputs, frames))

    def close(self) -> None:
        """Ends its threads."""
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _fits(self, array: Array, spec: Spec, count: int) -> bool:
        wanted = (count, *spec.shape[1:]) if self.version.signature.batched else spec.shape
        return array.ndim == len(wanted) and all(w in (-1, h) for h, w in zip(array.shape, wanted, strict=True))

    def _not_finite(self, found: dict[str, Array], frames: Frames) -> dict[int, Failed]:
        """The requests with a score that is no number."""
        if self._score is None:
            return {}
        score: Any = found[self._score]
        if self._specs[self._score].datatype == "BF16":
            score = bf16_to_fp32(score)
        if score.dtype.kind != "f" or np.isfinite(score).all():
            return {}
        if not self.version.signature.batched:
            return {0: NOT_FINITE}
        wrong = ~np.isfinite(score.reshape(len(score), -1)).all(axis=1)
        owner = np.repeat(np.arange(len(frames)), [frame.rows for frame in frames])
        return dict.fromkeys(np.unique(owner[wrong]).tolist(), NOT_FINITE)
