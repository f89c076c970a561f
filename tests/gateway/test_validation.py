"""Whether an edited configuration can be put into force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest

from gateway.config import Config
from gateway.errors import ConfigError, RepositoryError
from gateway.repository import served
from gateway.signature import Signature, Spec
from gateway.validation import Known, differences, prepared, validate
from tests import onnx_models

GATE = {"metric": "error_rate", "worse_by": 0.01}


def save(root: Path, number: int, made: onnx.ModelProto | None = None, golden: Any = None, **more: Any) -> None:
    """A version of the model m, with a manifest."""
    made = made or onnx_models.scale()
    manifest = onnx_models.declared("m", number, made, **more)
    onnx_models.save(root, "m", number, made, manifest=manifest, golden=golden)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose versions 1, 2 and 3 of m are alike; 4 takes and gives other tensors, 5 fails its golden request."""
    for number in (1, 2, 3):
        save(tmp_path, number)
    save(tmp_path, 4, onnx_models.identity("INT64"))
    asked, wrong = (
        {key: [{"name": name, "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]}
        for key, name in (("inputs", "x"), ("outputs", "y"))
    )
    save(tmp_path, 5, golden={"requests": [{"request": asked, "response": wrong}]})
    return tmp_path


def config(root: Path, /, **settings: Any) -> Config:
    """Of the one model m, with versions 1 to 3 unless it says otherwise."""
    return Config.model_validate({"repository": root, "models": {"m": {"versions": [1, 2, 3], **settings}}})


def looked(before: Config, after: Config) -> dict[str, bool | str]:
    """For each version that was looked at, whether it was loaded and checked; or what is wrong."""
    found = prepared(before, after, served(before))
    return {label: known.anew if isinstance(known, Known) else known for label, known in found.items()}


def refused(before: Config, after: Config) -> list[str]:
    """The lines of the refusal; none if there is none."""
    try:
        validate(before, after, prepared(before, after, served(before)))
    except ConfigError as problem:
        return problem.message.splitlines()
    return []


def plan(stable: int, candidate: int, *gates: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A rollout."""
    return {"rollout": {"stable": stable, "candidate": candidate, "gates": list(gates) or [GATE], **more}}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"traffic": {1: 1}}, {"traffic": {1: 1}}, {}),
        ({"traffic": {1: 1}}, {"traffic": {1: 9, 2: 1}}, {"m/1": False, "m/2": True}),
        ({"traffic": {1: 1, 2: 0}}, {"traffic": {1: 9, 2: 1}}, {"m/1": False, "m/2": True}),
        ({"traffic": {1: 9, 2: 1}}, {"traffic": {1: 8, 2: 2}}, {"m/1": False, "m/2": False}),
        ({"traffic": {1: 9, 2: 1}}, {"traffic": {1: 1}}, {"m/1": False, "m/2": False}),
        ({"traffic": {1: 1}}, plan(1, 2), {"m/1": False, "m/2": True}),
        (plan(1, 2), plan(1, 2, bake="5s"), {"m/1": False, "m/2": False}),
        ({"traffic": {1: 1}}, {"traffic": {1: 1}, "shadow": [3]}, {"m/1": False, "m/3": True}),
        ({"traffic": {1: 1}, "shadow": [3]}, {"traffic": {1: 1, 3: 1}}, {"m/1": False, "m/3": True}),
        ({"traffic": {1: 1}, "shadow": [3]}, {"traffic": {1: 1, 3: 0}}, {"m/1": False, "m/3": True}),
        ({"traffic": {1: 1, 3: 0}, "shadow": [3]}, {"traffic": {1: 1}, "shadow": [3]}, {"m/1": False, "m/3": False}),
        (
            {"traffic": {1: 1}},
            {"traffic": {1: 1}, "rules": [{"cohort": "b", "version": 3}]},
            {"m/1": False, "m/3": True},
        ),
        ({}, {"traffic": {3: 9, 1: 1}}, {"m/3": False, "m/1": True}),
        ({"traffic": {1: 1}}, {}, {"m/1": False, "m/3": True}),
        ({}, {"sticky": "header:x"}, {"m/3": False}),
        ({"versions": [1], "traffic": {1: 1}}, {"versions": [1, 2], "traffic": {1: 1}}, {"m/1": False, "m/2": True}),
    ],
)
def test_only_what_is_new_to_requests_is_loaded(root: Path, before: Any, after: Any, expected: dict[str, bool]) -> None:
    """Others are only read about, and only where they answer."""
    assert looked(config(root, **before), config(root, **after)) == expected
    assert refused(config(root, **before), config(root, **after)) == []


WIDE, REAL = "INT64 [-1, 2]", "FP32 [-1, 2]"
UNLIKE = f"m/4 cannot stand in for m/1: input x is {WIDE}, there {REAL}; output y is {WIDE}, there {REAL}"
NO_KEY = "m/1: sticky: field:x is FP32; only BYTES and whole numbers can be a key"
NO_SHADOW = f"m/4 cannot be a shadow of m/1: it needs input x, {WIDE}, which that takes as {REAL}"


@pytest.mark.parametrize(
    ("after", "sentences"),
    [
        (
            {"versions": [1, 8, 9], "traffic": {1: 1, 9: 1}},
            [f"m/{number} is not there: {{root}}/m has 1, 2, 3, 4, 5" for number in (8, 9)],
        ),
        ({"traffic": {1: 1, 4: 1}}, [UNLIKE]),
        ({"traffic": {4: 1}}, [UNLIKE]),
        ({"traffic": {1: 1}, "rules": [{"cohort": "b", "version": 4}]}, [UNLIKE]),
        ({}, [UNLIKE]),
        ({"traffic": {1: 1}, "shadow": [4]}, [NO_SHADOW]),
        ({"traffic": {1: 1, 4: 0}}, []),
        ({"traffic": {1: 1}, "sticky": "field:x"}, [NO_KEY]),
        (
            plan(1, 2, {"metric": "accuracy", "worse_by": 0.1}),
            ["models.m.rollout.gates: accuracy needs classes: m/1 (other)"],
        ),
        (
            {**plan(1, 4, {"metric": "mae", "ratio": 2}), "sticky": "field:x"},
            [
                UNLIKE,
                NO_KEY,
                "m/4: sticky: field:x has shape [-1, 2]; a key is one value in each row",
                "models.m.rollout.gates: mae needs a regression model: m/1 (other)",
            ],
        ),
    ],
)
def test_what_does_not_fit_is_refused(root: Path, after: dict[str, Any], sentences: list[str]) -> None:
    """All of it at once, a line for each."""
    before, edit = config(root, versions=[1, 2, 3, 4], traffic={1: 1}), {"versions": [1, 2, 3, 4], **after}
    assert refused(before, config(root, **edit)) == [sentence.format(root=root) for sentence in sentences]


def test_a_version_that_fails_its_checks_is_refused(root: Path) -> None:
    """Its golden request, its hash."""
    before = config(root, traffic={1: 1})
    (problem,) = refused(before, config(root, versions=[1, 5], traffic={1: 9, 5: 1}))
    assert problem.startswith("m/5: golden request 0")
    save(root, 6, sha256="0" * 64)
    (problem,) = refused(before, config(root, versions=[1, 6], traffic={1: 9, 6: 1}))
    assert problem.startswith("m/6: model.onnx has sha256")


def test_a_model_that_is_not_there_is_refused(root: Path) -> None:
    """Beside what is wrong with others."""
    after = Config.model_validate({"repository": root, "models": {"n": {}, "m": {"traffic": {1: 1, 9: 1}}}})
    assert refused(config(root, traffic={1: 1}), after) == [
        f"models.n: {root} has no such model; it has m",
        f"m/9 is not there: {root}/m has 1, 2, 3, 4, 5",
    ]
    with pytest.raises(RepositoryError, match="no such folder"):
        prepared(after, config(root / "gone"), {})


def test_a_bad_version_can_be_taken_out_whatever_became_of_its_files(root: Path) -> None:
    """And whatever became of the other's: it has been answering."""
    before, after = config(root, traffic={1: 9, 2: 1}), config(root, traffic={1: 1})
    held = served(before)
    for number in (1, 2):
        (root / "m" / str(number) / "model.yaml").write_text("name: [")
    found = prepared(before, after, held)
    validate(before, after, found)
    assert found == {}


def test_a_version_that_is_taken_up_is_checked_as_it_lies_there(root: Path) -> None:
    """It may not be what the replicas hold."""
    before, after = config(root, traffic={1: 1}), config(root, traffic={1: 8, 2: 2})
    held = served(before)
    save(root, 2, onnx_models.identity("INT64"))
    with pytest.raises(ConfigError, match=r"^m/2 cannot stand in for m/1: input x is INT64"):
        validate(before, after, prepared(before, after, held))


def test_a_version_without_a_manifest_is_asked_itself(root: Path) -> None:
    """What it takes and gives."""
    for number in (1, 4):
        (root / "m" / str(number) / "model.yaml").unlink()
    (problem,) = refused(config(root, traffic={1: 1}), config(root, versions=[1, 4], traffic={1: 9, 4: 1}))
    assert problem.startswith("m/4 cannot stand in for m/1: input x is INT64 [-1, 2]")


def test_a_rollout_that_could_never_advance_is_refused(root: Path) -> None:
    """Nothing is known of a candidate whose answers are not recorded."""
    before = config(root, traffic={1: 1}, record="none")
    assert refused(before, config(root, record="none", **plan(1, 2))) == [
        "models.m.rollout: record is none, so that nothing could ever be said of the candidate"
    ]


def test_a_version_that_cannot_be_recorded_as_told_is_refused(root: Path) -> None:
    """Each of its answers would fail."""
    made = onnx_models.arithmetic()
    onnx_models.save(root, "m", 6, made, manifest=onnx_models.declared("m", 6, made))
    before, after = ({"traffic": {1: 1, 6: weight}, "record": {"redact": ["x"]}} for weight in (0, 1))
    (problem,) = refused(config(root, versions=[1, 6], **before), config(root, versions=[1, 6], **after))
    assert problem == "record: m/6 has no input or output x; it has a, b, sum, difference"


def test_a_version_in_processes_of_its_own_needs_a_restart(root: Path) -> None:
    """They are deployed at start; those that are there may be routed to."""
    before = config(root, versions=[1, 2], traffic={1: 1}, placement="dedicated")
    after = config(root, versions=[1, 2, 3], traffic={1: 9, 2: 1}, placement="dedicated")
    assert refused(before, after) == [
        "m/3: placement is dedicated, and versions so placed are deployed at start: it needs a restart"
    ]
    assert refused(before, config(root, versions=[1, 2], traffic={1: 9, 2: 1}, placement="dedicated")) == []


def test_a_new_model_is_checked_whole(root: Path) -> None:
    """Its versions beside each other."""
    nothing = Config.model_validate({"repository": root, "models": {}})
    found = refused(nothing, config(root, versions=[1, 4], traffic={1: 1, 4: 1}))
    assert len(found) == 1
    assert found[0].startswith("m/4 cannot stand in for m/1")
    assert refused(nothing, config(root)) == []


def test_signatures_differ_by_name_datatype_and_shape() -> None:
    """Inputs and outputs."""
    one = Signature("m/1", [Spec("a", "FP32", (-1, 2)), Spec("b", "INT64", (-1,))], [Spec("y", "FP32", (-1,))])
    other = Signature("m/2", [Spec("a", "FP32", (-1, 3)), Spec("c", "INT64", (-1,))], [Spec("z", "FP32", (-1,))])
    assert differences(one, one) == []
    assert differences(one, other) == [
        "it has no input c",
        "input b is not there",
        "input a is FP32 [-1, 2], there FP32 [-1, 3]",
        "it has no output z",
        "output y is not there",
    ]
