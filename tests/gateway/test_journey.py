"""The way of one request, whatever its transport: every way out answers, records, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.admission import Admission
from gateway.batching import Result
from gateway.catalogue import Catalogue
from gateway.config import Limits
from gateway.errors import (
    BadRequest,
    Cancelled,
    DeadlineExceeded,
    GatewayError,
    InferenceFailed,
    NotFound,
    NotReady,
    Overloaded,
)
from gateway.journey import Exchange, Plane, begin, count, infer, refuse, trust_everyone
from gateway.query import Answer, Query, Rows, Wanted
from gateway.routing import Route, Routing
from gateway.rules import rule
from gateway.stickiness import parse_sticky
from gateway.tensor import Tensor
from gateway.version import Version, Watch
from tests import onnx_models


class Stranger(GatewayError):
    """Somebody whom `authenticate` does not trust."""

    status, grpc, code = 401, "UNAUTHENTICATED", "stranger"


@dataclass
class Asked:
    """A call without a transport: it gives back the answer, or the refusal and its id, as it is."""

    query: Query
    model: str = "scale"
    pinned: int | None = None
    request_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    watch: Watch | None = None
    limit_s: float | None = None
    malformed: Exception | None = None

    def parse(self) -> Query:
        """See Call."""
        if self.malformed:
            raise self.malformed
        return self.query

    def timeout_s(self) -> float | None:
        """See Call."""
        return self.limit_s

    def answer(self, answer: Answer, query: Query, route: Route) -> Any:
        """See Call."""
        return answer, route

    def refuse(self, refusal: GatewayError, request_id: str) -> Any:
        """See Call."""
        return refusal, request_id


class Stage:
    """A plane with scale/1 (times 2) and lookup/1, and all that it recorded."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.catalogue = Catalogue()
        self.catalogue.put(onnx_models.version(folder, "scale", 1, onnx_models.scale()))
        self.catalogue.put(onnx_models.version(folder, "lookup", 1, onnx_models.lookup()))
        self.limits = Limits(**limits)
        self.admission = Admission(self.limits.max_in_flight)
        self.recorded: list[Exchange] = []
        self.authenticate: Callable[[Mapping[str, str]], None] = trust_everyone

    async def infer(self, call: Asked) -> Any:
        """The journey."""
        return await infer(self.plane, call)

    @property
    def plane(self) -> Plane:
        """What the journey needs."""
        return Plane(self.catalogue, self.admission, self.limits, self.authenticate, self.record)

    def record(self, exchange: Exchange) -> None:
        """Counts, and keeps."""
        count(exchange)
        self.recorded.append(exchange)

    def exchange(self) -> Exchange:
        """The one exchange that was recorded; whatever happened, nothing is in flight any more."""
        (exchange,) = self.recorded
        assert self.admission.in_flight == 0
        return exchange

    def runner(self, runner: Any) -> None:
        """Puts another runner under scale/1."""
        old = self.catalogue.route("scale", 1, 0)[2]
        self.catalogue.put(Version(old.manifest, old.signature, old.stamp, runner))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A stage with the default limits."""
    return Stage(tmp_path)


class Asleep:
    """A runner that never answers; it notes the deadline that it was given."""

    def __init__(self) -> None:
        self.called = asyncio.Event()
        self.remaining: float | None = None

    async def run(
        self, rows: Rows, count: int, names: Sequence[str] | None, deadline: float | None, watch: Watch | None
    ) -> Result:
        """See Runner."""
        self.remaining = None if deadline is None else deadline - time.monotonic()
        self.called.set()
        await asyncio.Event().wait()
        raise AssertionError


class Failing:
    """A runner that raises what it is given."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem

    async def run(
        self, rows: Rows, count: int, names: Sequence[str] | None, deadline: float | None, watch: Watch | None
    ) -> Result:
        """See Runner."""
        raise self.problem


def rows(*numbers: float) -> Query:
    """A query for scale of one row for each number."""
    return Query("", [Tensor("x", "FP32", np.array([[number, 0] for number in numbers], np.float32))])


async def test_an_answer_is_given_and_recorded(stage: Stage) -> None:
    """With its version, route, rows and times; the statistics of the version count it."""
    answer, route = await stage.infer(Asked(rows(1, 2)))
    assert (answer.model, answer.version, route) == ("scale", 1, Route(1, "stable"))
    assert [(tensor.name, tensor.datatype, tensor.array.tolist()) for tensor in answer.outputs] == [
        ("y", "FP32", [[2.0, 0.0], [4.0, 0.0]])
    ]
    exchange = stage.exchange()
    assert (exchange.answer, exchange.refusal, exchange.route) == (answer, None, route)
    assert (exchange.rows, exchange.batch, exchange.leads) == (2, 2, True)
    assert exchange.total_ns >= exchange.input_ns + exchange.infer_ns + exchange.output_ns
    assert exchange.entry is not None
    counts = exchange.entry.statistics.counts
    assert (counts["success"], counts["inferences"], counts["executions"], counts["fail"]) == (1, 2, 1, 0)


@pytest.mark.parametrize(("query_id", "header_id", "expected"), [("q", "h", "q"), ("", "h", "h"), ("", "", None)])
async def test_the_id_is_the_clients_if_it_gave_one(
    stage: Stage, query_id: str, header_id: str, expected: str | None
) -> None:
    """The body's before the header's; else a new one."""
    query = rows(1)
    query.id = query_id
    answer, _ = await stage.infer(Asked(query, request_id=header_id))
    assert answer.id == stage.exchange().request_id
    assert answer.id == expected or (expected is None and len(answer.id) == 36)


async def test_a_pinned_version_and_chosen_outputs_are_obeyed(stage: Stage) -> None:
    """The path and the body decide."""
    query = rows(1)
    query.wanted = [Wanted("y")]
    answer, route = await stage.infer(Asked(query, pinned=1))
    assert route == Route(1, "pinned")
    assert [tensor.name for tensor in answer.outputs] == ["y"]


@pytest.mark.parametrize(
    ("routing", "headers", "parameters", "route"),
    [
        (Routing({1: 1, 2: 0}), {}, {}, Route(1, "stable")),
        (Routing({1: 1, 2: 0}, stable=2, candidate=1), {}, {}, Route(1, "candidate")),
        (Routing({1: 1, 2: 1}, parse_sticky("header:x-user-id")), {"x-user-id": "ann"}, {}, Route(1, "split")),
        (Routing({1: 1, 2: 1}, parse_sticky("header:x-user-id")), {"x-user-id": "bob"}, {}, Route(2, "split")),
        (Routing({1: 1, 2: 1}, parse_sticky("cookie:uid")), {"cookie": "a=b; uid=bob"}, {}, Route(2, "split")),
        (Routing({1: 1, 2: 1}, parse_sticky("parameter:user")), {}, {"user": "bob"}, Route(2, "split")),
        (Routing({1: 1, 2: 0}, rules=(rule("parameter", "plan", ["gold"], 2),)), {}, {"plan": "gold"}, Route(2, "rule")),
        (Routing({1: 1, 2: 0}, rules=(rule("header", "x-cohort", ["b"], 2),)), {"x-cohort": "b"}, {}, Route(2, "rule")),
    ],
)  # fmt: skip
async def test_headers_and_query_decide_the_route(
    stage: Stage, tmp_path: Path, routing: Routing, headers: dict[str, str], parameters: dict[str, Any], route: Route
) -> None:
    """The answer is of that version, and is recorded with the reason and the routing's revision."""
    stage.catalogue.put(onnx_models.version(tmp_path, "scale", 2, onnx_models.scale(5)))
    stage.catalogue.direct({"scale": routing}, 12)
    query = rows(1)
    query.parameters = parameters
    for _ in range(5):
        answer, found = await stage.infer(Asked(query, headers=headers))
        assert (answer.version, found) == (route.version, route)
    assert {(exchange.route, exchange.revision) for exchange in stage.recorded} == {(route, 12)}


async def test_a_field_decides_the_route(stage: Stage, tmp_path: Path) -> None:
    """The value in the first row."""
    stage.catalogue.put(onnx_models.version(tmp_path, "lookup", 2, onnx_models.lookup()))
    stage.catalogue.direct({"lookup": Routing({1: 1, 2: 1}, parse_sticky("field:x"))}, 4)
    found = {}
    for number in (0, 1, 2):
        query = Query("", [Tensor("x", "INT64", np.array([number]))])
        routes = {(await stage.infer(Asked(query, model="lookup")))[1] for _ in range(5)}
        (found[number],) = routes
    assert len(set(found.values())) == 2


async def test_a_refusal_by_routing_carries_the_revision_too(stage: Stage) -> None:
    """A rule to a version that is not ready is 503, and names it."""
    stage.catalogue.direct({"scale": Routing({1: 1}, rules=(rule("header", "x-cohort", ["beta"], 2),))}, 5)
    refusal, _ = await stage.infer(Asked(rows(1), headers={"x-cohort": "beta"}))
    assert isinstance(refusal, NotReady)
    assert refusal.message == "scale/2 is not ready: a rule names it, but it is not there"
    assert (stage.exchange().revision, stage.exchange().cohort) == (5, "beta")


BAD_ROWS = Query("", [Tensor("x", "INT64", np.array([99]))])


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (Asked(rows(1), malformed=BadRequest("no")), BadRequest),
        (Asked(rows(1), model="delays"), NotFound),
        (Asked(rows(1), pinned=9), NotFound),
        (Asked(Query("", [])), BadRequest),
        (Asked(Query("", rows(1).inputs, [Wanted("z")])), BadRequest),
        (Asked(BAD_ROWS, model="lookup"), InferenceFailed),
        (Asked(rows(1), limit_s=0.0), DeadlineExceeded),
    ],
    ids=["malformed", "model", "version", "inputs", "outputs", "values", "deadline"],
)
async def test_every_refusal_is_answered_and_recorded(stage: Stage, call: Asked, kind: type[GatewayError]) -> None:
    """With an id, its time, and no answer; nothing is raised."""
    refusal, request_id = await stage.infer(call)
    exchange = stage.exchange()
    assert type(refusal) is kind
    assert (exchange.refusal, exchange.answer) == (refusal, None)
    assert request_id == exchange.request_id != ""
    assert exchange.total_ns > 0


async def test_refusals_count_as_failures_of_the_version_that_was_routed_to(stage: Stage) -> None:
    """And of none where routing came to nothing."""
    await stage.infer(Asked(BAD_ROWS, model="lookup"))
    await stage.infer(Asked(rows(1), model="delays"))
    counts = {
        name: entry.statistics.counts["fail"]
        for name, held in stage.catalogue.entries().items()
        for entry in held.values()
    }
    assert counts == {"scale": 0, "lookup": 1}


async def test_whom_authentication_does_not_trust_is_refused_before_the_body_is_parsed(stage: Stage) -> None:
    """The refusal is answered and recorded like any other."""

    def authenticate(headers: Mapping[str, str]) -> None:
        if headers.get("authorization") != "Bearer ours":
            raise Stranger("the key is not known")

    stage.authenticate = authenticate
    refusal, request_id = await stage.infer(Asked(rows(1), request_id="r", malformed=AssertionError()))
    assert isinstance(refusal, Stranger)
    assert (stage.exchange().refusal, stage.exchange().request_id, request_id) == (refusal, "r", "r")
    stage.recorded.clear()
    answer, _ = await stage.infer(Asked(rows(1), headers={"authorization": "Bearer ours"}))
    assert stage.exchange().answer == answer


async def test_beyond_the_limit_requests_are_refused(tmp_path: Path) -> None:
    """The refusal is recorded, and the one in flight is not disturbed."""
    stage = Stage(tmp_path, max_in_flight=1)
    asleep = Asleep()
    stage.runner(asleep)
    task = asyncio.create_task(stage.infer(Asked(rows(1))))
    await asleep.called.wait()
    refusal, _ = await stage.infer(Asked(rows(2)))
    assert isinstance(refusal, Overloaded)
    assert [exchange.refusal for exchange in stage.recorded] == [refusal]
    assert stage.admission.in_flight == 1
    task.cancel()
    await asyncio.wait([task])
    assert stage.admission.in_flight == 0


async def test_a_cancelled_task_leaves_and_is_recorded(stage: Stage) -> None:
    """gRPC cancels the task whose client has gone: the cancellation goes on, recorded as Cancelled."""
    asleep = Asleep()
    stage.runner(asleep)
    task = asyncio.create_task(stage.infer(Asked(rows(1), request_id="gone")))
    await asleep.called.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    exchange = stage.exchange()
    assert isinstance(exchange.refusal, Cancelled)
    assert (exchange.request_id, exchange.answer) == ("gone", None)
    assert exchange.total_ns > 0
    assert exchange.entry is not None
    assert exchange.entry.statistics.counts["fail"] == 1


async def test_a_client_that_goes_away_is_recorded(stage: Stage) -> None:
    """Where the transport reports it by raising Cancelled, that is the refusal."""
    stage.runner(Failing(Cancelled("the client closed its connection")))
    refusal, _ = await stage.infer(Asked(rows(1)))
    assert isinstance(refusal, Cancelled)
    assert stage.exchange().refusal == refusal


@pytest.mark.parametrize("where", ["parse", "run"])
async def test_what_is_not_foreseen_is_answered_and_recorded_too(
    stage: Stage, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The client learns nothing of it; the log has it all."""
    call = Asked(rows(1))
    if where == "parse":
        call.malformed = KeyError("secret")
    else:
        stage.runner(Failing(KeyError("secret")))
    with caplog.at_level("ERROR", "driftgate"):
        refusal, _ = await stage.infer(call)
    assert type(refusal) is GatewayError
    assert refusal.message == "internal error; the gateway's log says more"
    assert stage.exchange().refusal == refusal
    assert "KeyError: 'secret'" in caplog.text


async def test_a_version_that_is_not_ready_is_refused(stage: Stage) -> None:
    """503: it may come back."""
    stage.catalogue.remove("scale", 1, "unloaded")
    refusal, _ = await stage.infer(Asked(rows(1)))
    assert isinstance(refusal, NotReady)
    assert stage.exchange().refusal == refusal


@pytest.mark.parametrize(
    ("configured", "transport_s", "own_us", "earliest"),
    [
        (None, None, 0, None),
        (30.0, None, 0, 30.0),
        (None, 20.0, 0, 20.0),
        (None, None, 10_000_000, 10.0),
        (30.0, 20.0, 10_000_000, 10.0),
        (30.0, 10.0, 20_000_000, 10.0),
        (10.0, 20.0, 30_000_000, 10.0),
        (10.0, 0.0, 0, 0.0),
    ],
)
async def test_the_earliest_deadline_counts(
    tmp_path: Path, configured: float | None, transport_s: float | None, own_us: int, earliest: float | None
) -> None:
    """Of the configuration's, the transport's and the query's own; without any, there is none."""
    stage = Stage(tmp_path, timeout=configured)
    asleep = Asleep()
    stage.runner(asleep)
    query = rows(1)
    query.timeout_us = own_us
    task = asyncio.create_task(stage.infer(Asked(query, limit_s=transport_s)))
    await asleep.called.wait()
    task.cancel()
    await asyncio.wait([task])
    if earliest is None:
        assert asleep.remaining is None
    else:
        assert asleep.remaining == pytest.approx(earliest, abs=1)
        assert asleep.remaining <= earliest


async def test_a_malformed_time_limit_is_refused(stage: Stage) -> None:
    """Like anything else that is malformed."""

    class Odd(Asked):
        def timeout_s(self) -> float | None:
            raise BadRequest("header timeout")

    refusal, _ = await stage.infer(Odd(rows(1)))
    assert isinstance(refusal, BadRequest)
    assert stage.exchange().refusal == refusal


async def test_an_answer_that_cannot_be_formatted_is_a_refusal(stage: Stage) -> None:
    """Classification of strings, say: what was computed is not recorded as an answer."""

    class Odd(Asked):
        def answer(self, answer: Answer, query: Query, route: Route) -> Any:
            raise BadRequest("no order")

    refusal, _ = await stage.infer(Odd(rows(1)))
    assert isinstance(refusal, BadRequest)
    assert (stage.exchange().answer, stage.exchange().refusal) == (None, refusal)


async def test_an_answer_survives_a_recorder_that_fails(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was computed is given, and the log says what could not be done."""

    def full(exchange: Exchange) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(stage, "record", full)
    with caplog.at_level("ERROR", "driftgate"):
        answer, _ = await stage.infer(Asked(rows(1)))
    assert answer.outputs[0].array.tolist() == [[2.0, 0.0]]
    assert "No space left on device" in caplog.text


async def test_an_answer_that_may_not_be_given_unrecorded_is_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the recorder's own words."""
    full = Overloaded("the journal is full", 5)

    def refusing(exchange: Exchange) -> None:
        raise full

    monkeypatch.setattr(stage, "record", refusing)
    refusal, name = await stage.infer(Asked(rows(1)))
    assert (refusal, len(name)) == (full, 36)


def test_a_refusal_before_the_journey_is_recorded_at_the_time_of_its_request(stage: Stage) -> None:
    """Not when the body was given up: what ends in the future would hold up the observer."""
    began_ns, now_ns = time.perf_counter_ns() - 20_000_000_000, time.time_ns()
    refuse(stage.plane, begin("scale", {}, ""), BadRequest("no"), began_ns)
    exchange = stage.exchange()
    assert exchange.total_ns >= 20_000_000_000
    assert abs(exchange.at + exchange.total_ns - now_ns) < 5_000_000_000
