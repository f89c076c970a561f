"""The comparison: servers one after another, in rounds, so that the noise of the machine falls on all alike."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import httpx
import numpy as np

from gateway.document import Frozen
from loadtests.contender import Contender, Place
from loadtests.errors import LoadError, ServerError
from loadtests.mlp import COLUMNS, NAME, Matrix, expected, write_repository
from loadtests.plan import Plan
from loadtests.process import ServerProcess, free_ports
from loadtests.request import floats
from loadtests.result import Result
from loadtests.target import Target

BATCH = 256
VARIANTS = 64
WARM_UP_S = 1.0
PATH = f"/v2/models/{NAME}/infer"

Engine = Callable[[Plan], Result]


class Effort(Frozen):
    """How much is measured."""

    rounds: int
    seconds: float
    connections: int


class Ratio(Frozen):
    """A server's rate over that of bare, taken within each round."""

    median: float
    low: float
    high: float


class Standing(Frozen):
    """One server's measurements, one for each round that it finished. `failures` says why it missed others."""

    name: str
    rows: tuple[Result, ...] = ()
    batches: tuple[Result, ...] = ()
    row_ratio: Ratio | None = None
    batch_ratio: Ratio | None = None
    failures: tuple[str, ...] = ()


def bench(
    field: Sequence[Contender], effort: Effort, engine: Engine, progress: Callable[[str], None]
) -> list[Standing]:
    """Measures every server in every round; rounds run in alternating order. The first server is the yardstick.

    progress: told what happens, once for each server and round. A server that fails is left out of that round.
    """
    rows: dict[str, dict[int, Result]] = {contender.name: {} for contender in field}
    batches: dict[str, dict[int, Result]] = {contender.name: {} for contender in field}
    failures: dict[str, list[str]] = {contender.name: [] for contender in field}
    with tempfile.TemporaryDirectory(prefix="loadtests-bench-") as folder:
        repository = Path(folder) / "models"
        write_repository(repository)
        for turn in range(effort.rounds):
            for contender in field if turn % 2 == 0 else reversed(field):
                progress(f"round {turn + 1}/{effort.rounds}: {contender.name}")
                work = Path(folder) / f"{turn}-{field.index(contender)}"
                work.mkdir()
                http, *spare = free_ports(3)
                try:
                    place = Place(work, repository, http, (spare[0], spare[1]))
                    found = _visit(contender, place, effort, engine)
                except LoadError as problem:
                    failures[contender.name].append(problem.message)
                    continue
                rows[contender.name][turn] = found[0]
                if found[1] is not None:
                    batches[contender.name][turn] = found[1]
    yardstick = field[0].name
    return [
        Standing(
            name=name,
            rows=tuple(rows[name].values()),
            batches=tuple(batches[name].values()),
            row_ratio=ratio(rows[name], rows[yardstick]),
            batch_ratio=ratio(batches[name], batches[yardstick]),
            failures=tuple(failures[name]),
        )
        for name in rows
    ]


def ratio(own: Mapping[int, Result], bare: Mapping[int, Result]) -> Ratio | None:
    """Rows a second of `own` over those of `bare`, by round; None when they share no round."""
    shares = [own[turn].rows_per_s / bare[turn].rows_per_s for turn in own if turn in bare and bare[turn].rows]
    return Ratio(median=median(shares), low=min(shares), high=max(shares)) if shares else None


def _visit(contender: Contender, place: Place, effort: Effort, engine: Engine) -> tuple[Result, Result | None]:
    """Starts the server, checks an answer, measures, stops it. Returns single rows, and batches where it takes them."""
    target = Target("127.0.0.1", place.http)
    with ServerProcess(contender.command(place), place.folder / "log", contender.env) as server:
        server.wait_ready(target, contender.ready)
        single = _measure(target, 1, False, effort, engine)
        batch = _measure(target, BATCH, True, effort, engine) if contender.binary else None
    return single, batch


def _measure(target: Target, rows: int, binary: bool, effort: Effort, engine: Engine) -> Result:
    draw = np.random.default_rng(rows)
    tensors = [draw.standard_normal((rows, COLUMNS)).round(4).astype(np.float32) for _ in range(VARIANTS)]
    check(target, tensors[0], binary)
    sent = [floats(PATH, tensor, "x", binary) for tensor in tensors]
    found = engine(
        Plan(
            target=target,
            wires=tuple(request.wire(target.authority) for request in sent),
            rows=tuple(request.rows for request in sent),
            connections=effort.connections,
            duration_s=effort.seconds,
            warm_up_s=WARM_UP_S,
        )
    )
    if not found.answered:
        raise ServerError(f"no answer under load: statuses {found.statuses}, errors {found.errors}")
    return found


def check(target: Target, x: Matrix, binary: bool) -> None:
    """Sends `x` once and compares the answer with numpy's. Raises ServerError."""
    request = floats(PATH, x, "x", binary)
    try:
        answer = httpx.post(
            target.url + request.path, content=request.body, headers=request.headers, timeout=30, trust_env=False
        )
    except httpx.HTTPError as problem:
        raise ServerError(f"{PATH}: {problem}") from None
    if answer.status_code != 200:
        raise ServerError(f"{PATH}: expected 200, found {answer.status_code}: {answer.text[:200]}")
    try:
        if binary:
            y = np.frombuffer(answer.content, "<f4", offset=int(answer.headers["inference-header-content-length"]))
        else:
            y = np.asarray(answer.json()["outputs"][0]["data"], np.float32).ravel()
    except (KeyError, ValueError, IndexError, TypeError) as problem:
        raise ServerError(f"{PATH}: the answer is not of the protocol: {problem!r}") from None
    right = expected(x).ravel()
    if y.shape != right.shape or not np.allclose(y, right, atol=1e-4):
        raise ServerError(f"{PATH}: wrong answer: expected {right[:3]}…, found {y[:3]}…")
