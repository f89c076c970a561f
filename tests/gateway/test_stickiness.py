"""The same user keeps the same version."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.query import Query
from gateway.signature import Spec
from gateway.stickiness import Sticky, misfit, parse_sticky, rendezvous
from gateway.tensor import DATATYPES, Tensor

KEYS = st.text(st.characters(), max_size=20)
SHARES = st.floats(1e-3, 1e3)
WEIGHTS = st.dictionaries(st.integers(1, 99), SHARES, min_size=2, max_size=6)
USERS = [f"user-{number}" for number in range(300)]


def owner(weights: dict[int, float], key: str, model: str = "flights") -> int:
    """The version that the key belongs to."""
    made = rendezvous(model, list(weights), list(weights.values()))
    return made.versions[made.place(key)]


@given(WEIGHTS, KEYS, st.data())
def test_as_a_weight_rises_keys_move_to_its_version_and_to_no_other(
    weights: dict[int, float], key: str, data: st.DataObject
) -> None:
    """So nobody goes back from the candidate while its weight rises, and no third version is touched."""
    risen = data.draw(st.sampled_from(sorted(weights)))
    more = {**weights, risen: weights[risen] * data.draw(st.floats(1, 1e6))}
    assert owner(more, key) in (owner(weights, key), risen)


@given(KEYS, st.lists(st.floats(0.01, 99.99), min_size=2, max_size=8))
def test_nobody_goes_back_during_a_rollout(key: str, steps: list[float]) -> None:
    """Once on the candidate, on the candidate for all later steps, though stable's weight falls as the other rises."""
    owners = [owner({1: 100 - step, 2: step}, key) for step in sorted(steps)]
    assert owners == sorted(owners)


@given(WEIGHTS, KEYS, st.floats(1e-3, 1e3), st.randoms())
def test_only_proportions_matter(weights: dict[int, float], key: str, factor: float, order: Any) -> None:
    """Neither the order of the versions nor the sum of the weights."""
    mixed = list(weights)
    order.shuffle(mixed)
    assert owner({version: weights[version] for version in mixed}, key) == owner(weights, key)
    doubled = {version: weight * 2.0 ** round(factor) for version, weight in weights.items()}
    assert owner(doubled, key) == owner(weights, key)


@given(WEIGHTS, KEYS)
def test_a_version_that_goes_leaves_only_its_own_keys_behind(weights: dict[int, float], key: str) -> None:
    """All others keep theirs."""
    was = owner(weights, key)
    for gone in weights:
        if gone != was:
            assert owner({version: weight for version, weight in weights.items() if version != gone}, key) == was


def test_every_process_finds_the_same_owners() -> None:
    """Python's own hash differs from start to start; this one is a promise, also to those who were routed last week."""
    told = (
        "from gateway.stickiness import rendezvous; made = rendezvous('flights', [1, 2], [0.5, 0.5]);"
        "print(*[made.versions[made.place(f'user-{n}')] for n in range(300)], sep='')"
    )
    elsewhere = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True).stdout.strip()
    here = "".join(str(owner({1: 0.5, 2: 0.5}, user)) for user in USERS)
    assert elsewhere == here
    assert here.startswith("212221211211")


def test_models_and_versions_favour_different_users() -> None:
    """Who comes first on one candidate is not always the first on the next: about half agree, as by chance."""
    halves = {1: 1.0, 2: 1.0}
    flights = [owner(halves, user) for user in USERS]
    delays = [owner(halves, user, "delays") for user in USERS]
    later = [owner({1: 1.0, 3: 1.0}, user) > 1 for user in USERS]
    assert 107 <= sum(a == b for a, b in zip(flights, delays, strict=True)) <= 193  # 150, five standard deviations
    assert (
        167 <= sum((a == 2) == b for a, b in zip(flights, later, strict=True)) <= 233
    )  # 2/3: version 1 draws the same


HEADERS = {"x-user-id": "ann", "cookie": 'theme=dark; uid="bob"; empty=; uidx=no', "x-empty": ""}
ROWS = Query(
    "",
    [
        Tensor("user", "BYTES", np.array([["cid"], ["dan"]], np.object_)),
        Tensor("raw", "BYTES", np.array([b"eve"], np.object_)),
        Tensor("number", "INT64", np.array([[42], [43]])),
        Tensor("small", "UINT8", np.array(7, np.uint8)),
        Tensor("price", "FP32", np.array([[1.5]], np.float32)),
        Tensor("half", "BF16", np.array([[1]], np.uint16)),
        Tensor("flag", "BOOL", np.array([True])),
        Tensor("none", "INT64", np.zeros((0, 1), np.int64)),
        Tensor("blank", "BYTES", np.array([""], np.object_)),
    ],
    [],
    {"user": "fay", "number": 42, "flag": True, "price": 1.5, "blank": ""},
)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("header:X-User-Id", "ann"),
        ("header:x-absent", None),
        ("header:x-empty", None),
        ("cookie:uid", "bob"),
        ("cookie:theme", "dark"),
        ("cookie:UID", None),
        ("cookie:empty", None),
        ("field:user", "cid"),
        ("field:raw", "eve"),
        ("field:number", "42"),
        ("field:small", "7"),
        ("field:price", None),
        ("field:half", None),
        ("field:flag", None),
        ("field:none", None),
        ("field:blank", None),
        ("field:absent", None),
        ("parameter:user", "fay"),
        ("parameter:number", "42"),
        ("parameter:flag", None),
        ("parameter:price", None),
        ("parameter:blank", None),
        ("parameter:absent", None),
    ],
)
def test_a_key_is_found_where_it_is_said_to_be(text: str, key: str | None) -> None:
    """Texts and whole numbers are keys; everything else, and nothing, is none."""
    assert parse_sticky(text).key(HEADERS, ROWS) == key


def test_a_request_without_cookies_has_no_key() -> None:
    """And no error either."""
    assert Sticky("cookie", "uid").key({}, ROWS) is None


@pytest.mark.parametrize("datatype", DATATYPES)
def test_a_field_of_another_datatype_is_told(datatype: str) -> None:
    """Only BYTES and whole numbers can be a key."""
    told = misfit(Sticky("field", "x"), "flights/2", {"x": Spec("x", datatype, (-1, 1))})
    if datatype == "BYTES" or "INT" in datatype:
        assert told is None
    else:
        assert told == f"flights/2: sticky: field:x is {datatype}; only BYTES and whole numbers can be a key"


@pytest.mark.parametrize(
    ("shape", "fits"),
    [
        *((shape, True) for shape in ((-1, 1), (-1,), (1,), (), (-1, 1, 1), (1, 1))),
        *((shape, False) for shape in ((-1, 2), (-1, -1), (3,), (3, 1))),
    ],
)
def test_a_key_is_one_value_in_each_row(shape: tuple[int, ...], fits: bool) -> None:
    """Of a wider input, nobody could say which value is meant."""
    told = misfit(Sticky("field", "x"), "flights/2", {"x": Spec("x", "INT64", shape)})
    assert told == (
        None if fits else f"flights/2: sticky: field:x has shape {list(shape)}; a key is one value in each row"
    )


def test_a_field_that_is_not_there_is_told() -> None:
    """With those that are; other sources need no input."""
    inputs = {"x": Spec("x", "INT64", (-1, 1))}
    sentence = "flights/2: sticky: field:user, but it has no such input; it takes x"
    assert misfit(Sticky("field", "user"), "flights/2", inputs) == sentence
    assert misfit(Sticky("header", "user"), "flights/2", inputs) is None
    assert misfit(None, "flights/2", inputs) is None
