"""What an edit does, in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import ModelConfig
from gateway.wording import direction, edits

ROLLOUT: dict[str, Any] = {
    "stable": 1,
    "candidate": 2,
    "gates": [{"metric": "error_rate", "worse_by": 0.01}, {"metric": "latency_p99", "ratio": 1.5}],
}
BEGINS = (
    "begins: 1 %, 10 %, 50 %, 100 %; gates: error_rate worse by 0.01, latency_p99 ratio 1.5; at least 60 s and 500 answers on "
    "each step; a gate that fails makes it roll back"
)
NEWEST = "all traffic goes to the newest version in production"


def model(**settings: Any) -> ModelConfig:
    """A model with these keys."""
    return ModelConfig.model_validate(settings)


def rollout(**changes: Any) -> dict[str, Any]:
    """The plan above, with changes."""
    return {"rollout": {**ROLLOUT, **changes}}


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({}, {}, []),
        ({"traffic": {1: 1, 2: 0}}, {"traffic": {1: 90, 2: 10}}, ["10 % of traffic goes from version 1 to version 2"]),
        (
            {"traffic": {1: 90, 2: 10}},
            {"traffic": {1: 80, 2: 20}},
            ["10 % of traffic goes from version 1 to version 2, which then has 20 %"],
        ),
        ({"traffic": {1: 100}}, {"traffic": {2: 100}}, ["100 % of traffic goes from version 1 to version 2"]),
        ({"traffic": {1: 90, 2: 10}}, {"traffic": {1: 9, 2: 1}}, []),
        (
            {"traffic": {1: 1}},
            {"traffic": {1: 1, 2: 1, 3: 1}},
            ["traffic is split: 33.33 % to version 1, 33.33 % to version 2, 33.33 % to version 3"],
        ),
        ({"traffic": {1: 1, 2: 1, 3: 1}}, {"traffic": {2: 7}}, ["all traffic goes to version 2"]),
        ({}, {"traffic": {1: 1}}, ["all traffic goes to version 1"]),
        ({"traffic": {1: 1}}, {}, [NEWEST]),
        (
            {"traffic": {1: 1, 2: 0}},
            {"traffic": {1: 1, 2: 0, 3: 0}},
            ["version 3 is dark: only its own path and rules lead to it"],
        ),
        (
            {"traffic": {1: 90, 2: 10}},
            {"traffic": {1: 90, 2: 0}},
            [
                "10 % of traffic goes from version 2 to version 1, which then has 100 %",
                "version 2 is dark: only its own path and rules lead to it",
            ],
        ),
    ],
)
def test_shares_are_told_as_what_moves(before: Any, after: Any, words: list[str]) -> None:
    """From one version to another; as a whole where more than two change."""
    assert edits(model(**before), model(**after)) == words


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"traffic": {1: 1}}, rollout(), [f"a rollout of version 2 against version 1 {BEGINS}"]),
        (
            {"traffic": {1: 90, 2: 10}},
            rollout(on_fail="pause", approve="manual", steps=[5]),
            [
                "a rollout of version 2 against version 1 begins: 5 %, 100 %; gates: error_rate worse by 0.01, latency_p99 ratio "
                "1.5; at least 60 s and 500 answers on each step; a gate that fails makes it pause; then somebody must approve",
                "version 1 gets all traffic until version 2 is ready",
            ],
        ),
        (
            rollout(),
            rollout(stable=2, candidate=3),
            [
                f"the rollout of version 2 against version 1 is superseded by one of version 3 against version 2 {BEGINS}"
            ],
        ),
        (
            rollout(),
            {"traffic": {2: 1}},
            ["the rollout of version 2 against version 1 is taken out", "all traffic goes to version 2"],
        ),
        (rollout(), {}, ["the rollout of version 2 against version 1 is taken out", NEWEST]),
        (rollout(), rollout(bake="1m"), []),
    ],
)
def test_rollouts_begin_and_end(before: Any, after: Any, words: list[str]) -> None:
    """With all that decides how they go."""
    assert edits(model(**before), model(**after)) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": [0.5, 20]}, "steps 0.5 %, 20 %, 100 % instead of 1 %, 10 %, 50 %, 100 %"),
        ({"bake": "5m"}, "bake 300 s instead of 60 s"),
        ({"min_samples": 10}, "min_samples 10 instead of 500"),
        ({"confidence": 0.99}, "confidence 0.99 instead of 0.95"),
        (
            {"on_fail": "pause", "approve": "manual"},
            "on_fail pause instead of rollback; approve manual instead of auto",
        ),
        (
            {"gates": [ROLLOUT["gates"][0], {"promql": "up", "url": "http://p:9090", "below": 1}]},
            "gate up below 1 is added; gate latency_p99 ratio 1.5 is taken out",
        ),
        ({"gates": ROLLOUT["gates"][::-1]}, "its gates in another order"),
    ],
)
def test_another_plan_for_the_same_versions_is_told_by_key(changes: dict[str, Any], words: str) -> None:
    """What it is instead of what."""
    expected = [f"the rollout of version 2 against version 1 goes by another plan: {words}"]
    assert edits(model(**rollout()), model(**rollout(**changes))) == expected


BETA = {"cohort": ["beta", "staff"], "version": 2}
GOLD = {"header": "x-plan", "in": ["gold"], "version": 2}
DRY = {"parameter": "dry_run", "equals": True, "version": 1}


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({}, {"sticky": "header:x-user"}, ["the same header:x-user keeps the same version"]),
        ({"sticky": "cookie:uid"}, {}, ["the same cookie:uid no longer keeps the same version"]),
        (
            {"sticky": "cookie:uid"},
            {"sticky": "field:id"},
            ["the same field:id keeps the same version, instead of the same cookie:uid: users may change version once"],
        ),
        ({}, {"rules": [BETA]}, ["a rule is added: cohort beta or staff goes to version 2"]),
        (
            {"rules": [BETA]},
            {"rules": [GOLD]},
            [
                "a rule is added: header x-plan gold goes to version 2",
                "a rule is taken out: cohort beta or staff goes to version 2",
            ],
        ),
        (
            {"rules": [GOLD, DRY]},
            {"rules": [DRY, GOLD]},
            [
                "its rules are tried in another order: parameter dry_run true goes to version 1; header x-plan gold goes to "
                "version 2"
            ],
        ),
        ({"shadow": [2]}, {"shadow": [3]}, ["shadow 3 is added", "shadow 2 is taken out"]),
        ({"versions": [1]}, {"versions": [2, 1]}, ["version 2 is served"]),
        ({"versions": [1, 2]}, {"versions": [1]}, ["version 2 is no longer served"]),
        ({}, {"versions": [1, 2]}, ["of its versions only 1, 2 are served"]),
        ({"versions": [1]}, {}, ["all its versions are served but the archived"]),
    ],
)
def test_everything_else_is_told(before: Any, after: Any, words: list[str]) -> None:
    """Keys, rules, shadows, versions."""
    assert edits(model(**before), model(**after)) == words


def test_where_a_new_model_sends_its_requests_is_told() -> None:
    """By shares, by a rollout, or to the newest."""
    assert direction(model()) == [NEWEST]
    assert direction(model(**rollout())) == [f"a rollout of version 2 against version 1 {BEGINS}"]
    assert direction(model(traffic={1: 1, 2: 0})) == [
        "all traffic goes to version 1",
        "version 2 is dark: only its own path and rules lead to it",
    ]


WEIGHTS = st.dictionaries(st.integers(1, 5), st.integers(0, 1000), min_size=1).filter(lambda held: any(held.values()))


@given(WEIGHTS, WEIGHTS)
def test_words_come_exactly_when_shares_differ(before: dict[int, int], after: dict[int, int]) -> None:
    """Dark versions aside."""
    ours, theirs = ({v: w / sum(held.values()) for v, w in held.items() if w} for held in (before, after))
    told = [words for words in edits(model(traffic=before), model(traffic=after)) if "dark" not in words]
    differs = any(abs(ours.get(version, 0) - theirs.get(version, 0)) > 1e-11 for version in {*ours, *theirs})
    assert bool(told) == differs
