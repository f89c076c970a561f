"""What may be recorded."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.errors import ConfigError
from gateway.manifest import Column, Manifest
from gateway.policy import Policy, Recipe, keyed_hash, recipe
from gateway.signature import Signature, Spec

KEY = b"k" * 32
INPUTS = [Spec("age", "INT64", (-1, 1)), Spec("name", "BYTES", (-1, 1)), Spec("words", "BYTES", (-1, -1))]
OUTPUTS = [Spec("score", "FP32", (-1, 1))]
MANIFEST = Manifest(
    name="m",
    version=1,
    inputs=tuple(Column(**spec._asdict()) for spec in INPUTS),
    outputs=tuple(Column(**spec._asdict()) for spec in OUTPUTS),
    groups=("age", "sex"),
)
SIGNATURE = Signature("m/1", INPUTS, OUTPUTS)


def recorded(policy: Policy) -> Recipe:
    """The recipe of the version above."""
    made = recipe(MANIFEST, SIGNATURE, "s", policy, KEY)
    assert made
    return made


def test_nothing_is_recorded_of_a_model_that_says_so() -> None:
    """There is no recipe then, and no layout."""
    assert recipe(MANIFEST, SIGNATURE, "s", Policy(answers=False), KEY) is None


def test_everything_is_recorded_unless_told_otherwise() -> None:
    """Every input and output, in the model's order; groups that are no inputs come from the parameters."""
    made = recorded(Policy())
    assert [field.name for field in made.layout.inputs] == ["age", "name", "words"]
    assert [name for name, _ in made.outputs] == ["score"]
    assert made.layout.beyond == ("sex",)
    encoded = dict(made.inputs)
    assert encoded["age"](np.array([[7]])) == np.array([7]).tobytes()
    assert encoded["name"](np.array([["Jane"]], object)) == ["Jane"]
    assert encoded["words"](np.array([["a", "b"]], object)) == [(1, 2), ["a", "b"]]


def test_features_and_redaction_decide_before_anything_is_written() -> None:
    """What is dropped is not in the layout; what is hashed is the same hash for the same value and key."""
    policy = Policy(features=("age", "name"), redact={"name": "hash", "score": "drop"})
    made = recorded(policy)
    assert [(field.name, field.hashed) for field in made.layout.inputs] == [("age", False), ("name", True)]
    assert made.layout.outputs == ()
    (hashed,) = dict(made.inputs)["name"](np.array([["Jane"]], object))
    assert hashed == keyed_hash("Jane", KEY) != keyed_hash("Jane", b"another" * 4)
    assert len(hashed) == 32


def test_a_group_that_is_dropped_does_not_come_back_as_a_parameter() -> None:
    """Nor one that is an input which is not recorded: a parameter of its name would be another value."""
    dropped = recorded(Policy(redact={"sex": "drop"}))
    assert dropped.layout.groups == ("age",)
    hashed = dict(recorded(Policy(redact={"sex": "hash"})).beyond)["sex"]
    assert (hashed("f"), hashed(None)) == (keyed_hash("f", KEY), None)
    assert recorded(Policy(features=("name",))).layout.beyond == ("sex",)


@pytest.mark.parametrize("policy", [Policy(features=("agee",)), Policy(redact={"nam": "hash"})])
def test_a_policy_names_what_is_there(policy: Policy) -> None:
    """A redaction that is misspelt must not pass."""
    with pytest.raises(
        ConfigError, match=r"record: m/1 has no input or output (agee|nam); it has age, name, words, score"
    ):
        recorded(policy)
