"""Every primary is shadowed or counted, exactly once, whatever the shadow does and wherever its process ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from gateway.errors import SetupError
from gateway.journal.frame import Answered, Refused
from gateway.journal.reader import HOLD_NS, PATIENCE_NS, Reader
from gateway.shadow import checkpoint as checkpoints
from gateway.shadow.attempt import Attempt, Note
from gateway.shadow.checkpoint import Shadow
from gateway.shadow.running import CRASHED, TIMED_OUT
from gateway.shadow.shadowing import Shadowing
from tests import onnx_models
from tests.gateway.journal.test_journal import die
from tests.gateway.shadow.conftest import Site, judge, positive, quotient, root


def later() -> int:
    """When all that was answered until now is final."""
    return time.time_ns() + 2 * HOLD_NS


def test_a_shadow_answers_what_its_primary_answered(site: Site) -> None:
    """The same id, time, rows, trace, revision and cohort; its own version, outputs and time."""
    site.ask("a", x=[0.5])
    site.ask("b", x=[-0.5, -2.0])
    site.shadowing().drain(later())
    one, two = site.frames()
    assert isinstance(one, Answered)
    assert isinstance(two, Answered)
    assert [one.id, two.id, one.shadow, one.rows, two.rows] == ["a", "b", True, 1, 2]
    assert (one.route, one.revision, one.cohort, one.trace) == ("stable", 7, "beta", "0" * 31 + "1")
    said = np.frombuffer(two.outputs[0], np.float32)  # type: ignore[arg-type]
    assert said == pytest.approx(1 / (1 + np.exp(-np.array([0.5, -1.0]))), rel=1e-4)
    assert np.frombuffer(two.inputs[0], np.float32).tolist() == [-0.5, -2.0]  # type: ignore[arg-type]
    assert 0 < one.compute < two.compute < 10**9
    assert site.kept.outcomes == {"ok": 2}


def test_both_are_compared_row_by_row(site: Site) -> None:
    """By the version that answered the client."""
    for number, x in enumerate([-3.0, -0.5, -0.4, 2.0]):
        site.ask(str(number), x=[x])
    site.shadowing().drain(later())
    pair = site.kept.pairs[1]
    assert (pair.requests, pair.rows, pair.judged, pair.disagreed) == (4, 4, 4, 2)
    assert pair.mean_distance == pytest.approx(0.16, abs=0.02)
    assert pair.primary_ns == 4_000
    assert sum(pair.histogram) == 4


def test_what_is_no_primary_of_its_model_is_not_its_business(site: Site) -> None:
    """Its own version's answers, those of shadows, and requests from before it was a shadow."""
    journal = site.journal()
    site.ask("before", at=site.kept.since - 10**9, x=[1.0])
    journal.declare(1, site.recipe(2).layout)
    site.ask("own", x=[1.0])
    shadowing = site.shadowing()
    layout = site.recipe(2).layout
    assert shadowing._owed(layout, site_frame(site)) is False
    shadowing.drain(later())
    assert site.names() == {"own": 1}


def site_frame(site: Site) -> Answered:
    """A primary that is young enough."""
    return Answered(site.kept.since + 1, "x", None, 0, False, "", 0, None, 1, 0, 0, 0, [], [], [])


@pytest.mark.parametrize("committed", [True, False])
def test_what_a_crash_undoes_is_done_again(site: Site, committed: bool) -> None:
    """Nothing of it was visible."""
    for name in "abc":
        site.ask(name, x=[1.0])
    first = site.shadowing()
    first.step(later())
    assert site.names() == {}
    if committed:
        first.commit(time.time_ns())
    site.ask("d", x=[1.0])
    site.shadowing().drain(later())
    assert site.names() == dict.fromkeys("abcd", 1)
    assert site.kept.outcomes == {"ok": 4}
    assert site.kept.pairs[1].requests == 4


def test_a_crash_between_checkpoint_and_name_is_made_good(site: Site) -> None:
    """The successor gives the journal its name; a journal that no checkpoint names goes."""
    site.ask("a", x=[1.0])
    first = site.shadowing()
    first.step(later())
    name = first._outbox.stage(1)
    assert name
    first.kept.published = name
    first._outbox.reveal = lambda name: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        first.commit(1)
    assert site.names() == {}
    site.shadowing().drain(later())
    assert site.names() == {"a": 1}
    assert list((site.data / "journal").glob(".shadow*")) == []


def test_a_checkpoint_within_what_was_read_at_once_is_kept_to(site: Site) -> None:
    """A slow shadow commits before it is through; what it did by then is not done again."""
    for number in range(40):
        site.ask(str(number), x=[1.0])
    first = site.shadowing(most_rows=1)
    taken = 0

    def due(now_ns: int, busy: bool) -> bool:
        nonlocal taken
        taken += 1
        if taken == 25:
            first.commit(time.time_ns())
            raise KeyboardInterrupt
        return False

    first._due = due  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        first.step(later())
    assert site.names().total() == len(site.kept.ahead) == 25
    second = site.shadowing()
    second.drain(later())
    assert site.names() == dict.fromkeys(map(str, range(40)), 1)
    assert (site.kept.ahead, site.kept.outcomes) == ([], {"ok": 40})


def test_a_request_that_it_cannot_answer_fails_alone(make_site: Callable[..., Site]) -> None:
    """Its neighbours in the batch are answered."""
    site = make_site(onnx_models.lookup(), onnx_models.identity("INT64", ("N",)), {"max_batch_size": 64})
    layout = site.recipe(1).layout
    for name, x in (("a", 1), ("bad", 9), ("b", 3)):
        journal = site.journals[-1] if site.journals else site.journal()
        raw = np.array([x], np.int64).tobytes()
        at = time.time_ns()
        assert journal.append(Answered(at, name, None, 0, False, "", 0, None, 1, 0, 0, 0, [raw], [raw], []))
    assert layout.inputs[0].name == "x"
    site.shadowing().drain(later())
    assert site.kept.outcomes == {"ok": 2, "inference_failed": 1}
    (refused,) = [frame for frame in site.frames() if isinstance(frame, Refused)]
    assert (refused.id, refused.shadow, refused.version, refused.code) == ("bad", True, 2, "inference_failed")


def test_a_score_that_is_no_number_is_a_failure(make_site: Callable[..., Site]) -> None:
    """Of its request, and of no other; it is not compared."""
    site = make_site(root())
    site.ask("good", x=[4.0])
    site.ask("bad", x=[1.0, -1.0])
    site.ask("fine", x=[9.0])
    site.shadowing().drain(later())
    assert site.kept.outcomes == {"ok": 2, "shadow_not_finite": 1}
    assert (site.kept.pairs[1].requests, site.kept.pairs[1].rows) == (2, 2)
    assert {frame.id for frame in site.frames() if isinstance(frame, Refused)} == {"bad"}


def test_an_output_of_the_wrong_shape_is_a_failure(make_site: Callable[..., Site]) -> None:
    """One row where two were asked for; those beside it in the batch are answered."""
    site = make_site(positive(), onnx_models.identity("FP32", ("N", 1)), {"max_batch_size": 64})
    site.ask("one", x=[1.0])
    site.ask("two", x=[1.0, -1.0])
    site.ask("three", x=[1.0, 2.0, 3.0])
    site.shadowing().drain(later())
    assert site.kept.outcomes == {"ok": 2, "shadow_shape": 1}


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ({"record": {"features": []}}, "not_recorded"),
        ({"record": {"redact": {"x": "drop"}}}, "not_recorded"),
        ({"record": {"redact": {"x": "hash"}}}, "hashed"),
    ],
)
def test_what_cannot_be_shadowed_is_counted(make_site: Callable[..., Site], model: object, reason: str) -> None:
    """With the reason."""
    site = make_site(model=model)
    site.ask("a", x=[1.0])
    site.ask("b", x=[1.0])
    site.shadowing().drain(later())
    assert (site.kept.outcomes, site.names()) == ({reason: 2}, {})


def test_a_request_without_its_inputs_is_counted(site: Site) -> None:
    """It was larger than `record.max_bytes`."""
    journal = site.journal()
    at = time.time_ns()
    assert journal.append(Answered(at, "a", None, 0, False, "", 0, None, 1, 0, 0, 0, [None], [None, None], []))
    site.shadowing().drain(later())
    assert site.kept.outcomes == {"too_large": 1}


def test_a_version_that_cannot_be_loaded_keeps_nobody_waiting(site: Site) -> None:
    """Its primaries are counted, and the checkpoint says why."""
    site.ask("a", x=[1.0])
    shadowing = site.shadowing(load=False)
    shadowing.drop("m/2: no such file")
    shadowing.drain(later())
    assert (site.kept.outcomes, site.kept.trouble) == ({"unfit": 1}, "m/2: no such file")


def test_a_backlog_beyond_half_of_the_journals_is_given_up(make_site: Callable[..., Site]) -> None:
    """And counted: the journals are there for answers."""
    site = make_site(journal={"max_bytes": 2 << 20, "segment": 64 << 10})
    journal = site.journal()
    raw = np.ones((2_000, 1), np.float32).tobytes()
    for number in range(220):
        at = time.time_ns()
        frame = Answered(at, str(number), None, 0, False, "", 0, None, 2_000, 0, 0, 0, [raw], [None, None], [])
        assert journal.append(frame)
    shadowing = site.shadowing()
    shadowing._most = 1 << 20
    shadowing.drain(later())
    outcomes = site.kept.outcomes
    assert outcomes["given_up"] > 50
    assert sum(outcomes.values()) == 220


def test_answers_for_which_there_is_no_room_are_counted(site: Site) -> None:
    """They were compared all the same."""
    site.ask("a", x=[1.0])
    shadowing = site.shadowing()
    shadowing._outbox._most = 1
    shadowing.drain(later())
    assert (site.kept.outcomes, site.names()) == ({"unrecorded": 1}, {})
    assert site.kept.pairs[1].requests == 1


def left(site: Site, *names: str, began: int) -> None:
    """What a process leaves that dies while it runs these."""
    frames = {frame[1].id: frame[1].at for frame in read(site)}
    attempt = Attempt(checkpoints.run_path(site.data, site.shadow))
    payload = msgspec.msgpack.encode(Note(began, [(frames[name], name) for name in names]))
    os.pwrite(attempt._file, len(payload).to_bytes(4, "little") + payload, 0)
    attempt.close()


def read(site: Site) -> list[tuple[object, Answered]]:
    """All primaries."""
    return [
        one for journal in site.journals for one in Reader(site.data / "journal" / journal.name).read(later()).answers
    ]


def test_a_batch_that_was_its_death_is_run_one_by_one_and_its_cause_given_up(site: Site) -> None:
    """The second death is one request's; the others are answered."""
    for name in "abc":
        site.ask(name, x=[1.0])
    left(site, "a", "b", "c", began=1)
    site.shadowing()
    left(site, "b", began=2)
    site.shadowing(TIMED_OUT).drain(later())
    assert site.kept.outcomes == {"ok": 2, "shadow_timed_out": 1}
    assert site.names() == dict.fromkeys("abc", 1)
    assert site.kept.strikes == []


def test_the_same_note_counts_once(site: Site) -> None:
    """A process may die before it has cleared it."""
    site.ask("a", x=[1.0])
    for _ in range(3):
        left(site, "a", began=1)
        shadowing = site.shadowing()
    shadowing.drain(later())
    assert site.kept.outcomes == {"ok": 1}


def test_a_version_that_dies_of_everything_is_not_started_for_each_request(site: Site) -> None:
    """After three deaths in a row, all that it died of is given up."""
    for name in "abcd":
        site.ask(name, x=[1.0])
    for began, names in enumerate(("abcd", "a", "b"), 1):
        left(site, *names, began=began)
        shadowing = site.shadowing(CRASHED)
    shadowing.drain(later())
    assert site.kept.outcomes == {"shadow_crashed": 4}


def test_a_request_that_was_answered_again_is_shadowed_once(site: Site) -> None:
    """The replica that died had answered it, and its client never heard."""
    dying = site.journal()
    at = time.time_ns()
    site.ask("twice", dying, at, x=[1.0])
    other = site.journal()
    site.ask("twice", other, at + 50_000_000, x=[1.0])
    site.ask("only here", dying, at, x=[1.0])
    die(dying)
    shadowing = site.shadowing()
    shadowing.step(later())
    shadowing.drain(later() + PATIENCE_NS)
    assert site.names() == {"twice": 1, "only here": 1}


def test_when_all_are_dead_the_last_to_answer_is_shadowed(site: Site) -> None:
    """The second answer is in doubt as much as the first: it is looked at before that one."""
    at = time.time_ns()
    for late in range(3):
        dying = site.journal()
        site.ask("thrice", dying, at + late * 50_000_000, x=[1.0])
        die(dying)
    site.shadowing().drain(later() + PATIENCE_NS, patience_ns=0)
    assert site.names() == {"thrice": 1}


def test_an_answer_in_doubt_waits_for_what_was_answered_since(site: Site) -> None:
    """A batch may have taken so long that a dead replica's last answers have waited enough, and the others were not read."""
    dying = site.journal()
    at = time.time_ns()
    site.ask("twice", dying, at, x=[1.0])
    die(dying)
    other = site.journal()
    shadowing = site.shadowing()
    shadowing.step(at + HOLD_NS)
    site.ask("twice", other, at + 10**9, x=[1.0])
    shadowing.drain(at + HOLD_NS + 2 * PATIENCE_NS)
    assert site.names() == {"twice": 1}


def test_a_shadow_that_is_not_registered_does_not_begin(site: Site) -> None:
    """Nobody keeps the journals for it."""
    with pytest.raises(SetupError, match="m/3 is no shadow"):
        Shadowing(site.config, Shadow("m", 3), CRASHED, 30)


def test_two_layouts_that_differ_in_their_inputs(make_site: Callable[..., Site]) -> None:
    """A primary that takes other inputs than the shadow cannot be shadowed by it."""
    site = make_site(quotient(), judge(), {})
    site.ask("a", x=[1.0])
    site.shadowing().drain(later())
    assert site.kept.outcomes == {"not_recorded": 1}
