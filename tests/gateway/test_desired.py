"""What the replicas should hold."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import yaml

from gateway.config import Config, ModelConfig
from gateway.desired import Desired, initial, load, routing_of, unload, with_routing, with_weights
from gateway.errors import NotFound, RepositoryError
from gateway.routing import Routing
from gateway.rules import rule
from gateway.stickiness import Sticky
from tests import onnx_models


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Two models; a has two versions."""
    for name, number in (("a", 1), ("a", 2), ("b", 1)):
        onnx_models.save(tmp_path, name, number, onnx_models.scale())
    return Config(repository=tmp_path, data=tmp_path)


def held(desired: Desired) -> dict[str, list[int]]:
    """The versions wanted in service."""
    return {model: list(desired.loaded(model)) for model in desired.models}


def test_at_first_everything_that_is_configured_is_wanted(config: Config) -> None:
    """At the revision that it is given."""
    desired = initial(config, 7)
    assert (desired.revision, held(desired)) == (7, {"a": [1, 2], "b": [1]})
    assert desired.routing == {"a": Routing(), "b": Routing()}


def settings(text: str) -> ModelConfig:
    """What the configuration says of one model."""
    return ModelConfig.model_validate(yaml.safe_load(text))


ROLLOUT = "rollout: {stable: 2, candidate: 1, gates: [{metric: error_rate, worse_by: 0.01}]}"


@pytest.mark.parametrize(
    ("text", "routing"),
    [
        ("{}", Routing()),
        ("traffic: {1: 3, 2: 1}", Routing({1: 3, 2: 1})),
        ("{traffic: {1: 1, 2: 0}, shadow: [2]}", Routing({1: 1, 2: 0}, shadow=(2,))),
        ("sticky: header:X-User-Id", Routing(sticky=Sticky("header", "x-user-id"))),
        ("sticky: field:Origin", Routing(sticky=Sticky("field", "Origin"))),
        (
            "rules: [{header: X-Plan, equals: gold, version: 2}]",
            Routing(rules=(rule("header", "x-plan", ["gold"], 2),)),
        ),
        ("rules: [{cohort: beta, version: 2}]", Routing(rules=(rule("header", "x-cohort", ["beta"], 2),))),
        ("rules: [{cohort: [a, b], version: 2}]", Routing(rules=(rule("header", "x-cohort", ["a", "b"], 2),))),
        ("rules: [{parameter: p, in: [1, true], version: 2}]", Routing(rules=(rule("parameter", "p", [1, True], 2),))),
        (ROLLOUT, Routing({2: 1, 1: 0}, stable=2, candidate=1)),
    ],
)
def test_routing_comes_from_the_configuration(text: str, routing: Routing) -> None:
    """A rollout begins with everything at stable."""
    assert routing_of(settings(text)) == routing


def test_each_model_has_its_own_routing(config: Config) -> None:
    """By name."""
    config = config.model_copy(update={"models": {"a": settings("traffic: {1: 3, 2: 1}"), "b": ModelConfig()}})
    assert initial(config, 1).routing == {"a": Routing({1: 3, 2: 1}), "b": Routing()}


def test_weights_change_and_the_rest_of_the_routing_stays(config: Config) -> None:
    """One revision more, unless nothing changes."""
    config = config.model_copy(update={"models": {"a": settings("{sticky: cookie:uid, " + ROLLOUT + "}")}})
    first = initial(config, 1)
    second = with_weights(first, "a", {2: 90, 1: 10})
    assert second.routing["a"] == first.routing["a"]._replace(weights={2: 90, 1: 10})
    assert (second.revision, second.models) == (2, first.models)
    assert with_weights(second, "a", {1: 10.0, 2: 90.0}) is second
    assert pickle.loads(pickle.dumps(second)) == second


def test_nothing_is_sent_where_nothing_is(config: Config) -> None:
    """Neither to a model nor to a version that is not there; nor to nobody. A dark version may be away."""
    desired = initial(config, 1)
    with pytest.raises(NotFound, match=r'^no model "c"$'):
        with_weights(desired, "c", {1: 1})
    with pytest.raises(NotFound, match=r"^a has no version 9; it has 1, 2$"):
        with_weights(desired, "a", {1: 1, 9: 1})
    with pytest.raises(NotFound, match=r"^a has no version 9; it has 1, 2$"):
        with_routing(desired, "a", Routing({1: 1}, rules=(rule("header", "h", ["v"], 9),)))
    with pytest.raises(ValueError, match=r"^a: no version would get any traffic$"):
        with_weights(desired, "a", {1: 0})
    assert with_weights(desired, "a", {1: 1, 9: 0}).routing["a"].weights == {1: 1, 9: 0}


def test_a_load_leaves_the_shares_as_a_rollout_has_set_them(config: Config) -> None:
    """A model that is new gets what the configuration says."""
    rolling = with_weights(initial(config, 1), "a", {1: 99, 2: 1})
    onnx_models.save(config.repository, "c", 1, onnx_models.scale())
    assert load(rolling, config, "a", None).routing["a"].weights == {1: 99, 2: 1}
    assert load(rolling, config, "c", None).routing["c"] == Routing()


def test_unload_and_load_undo_each_other(config: Config) -> None:
    """Each is one revision more; a load raises the generation, so that what failed is tried again."""
    first = initial(config, 1)
    without = unload(first, "a", [2])
    assert held(without) == {"a": [1], "b": [1]}
    back = load(without, config, "a", [2])
    assert held(back) == held(first)
    assert [desired.revision for desired in (first, without, back)] == [1, 2, 3]
    assert [dict(desired.generation) for desired in (first, without, back)] == [{}, {}, {"a": 1}]


def test_a_value_is_not_changed_by_what_follows(config: Config) -> None:
    """Earlier revisions stay as they were."""
    first = initial(config, 1)
    unload(first, "a", None)
    assert held(first) == {"a": [1, 2], "b": [1]}


def test_all_versions_may_be_meant(config: Config) -> None:
    """None stands for every one."""
    without = unload(initial(config, 1), "a", None)
    assert held(without) == {"a": [], "b": [1]}
    assert held(load(without, config, "a", [1])) == {"a": [1], "b": [1]}
    assert held(load(without, config, "a", None)) == {"a": [1, 2], "b": [1]}


def test_a_load_looks_at_the_repository_as_it_is_now(config: Config) -> None:
    """A version laid there since is found, one taken away is no longer wanted."""
    first = unload(initial(config, 1), "a", [1])
    onnx_models.save(config.repository, "a", 3, onnx_models.scale())
    gone = config.repository / "a" / "1"
    (gone / "model.onnx").unlink()
    gone.rmdir()
    desired = load(first, config, "a", None)
    assert held(desired) == {"a": [2, 3], "b": [1]}
    assert desired.absent["a"] == frozenset()


def test_a_load_of_one_model_changes_no_other(config: Config) -> None:
    """What lies new beside another model waits for its own load."""
    first = initial(config, 1)
    onnx_models.save(config.repository, "b", 2, onnx_models.scale())
    assert held(load(first, config, "a", None)) == {"a": [1, 2], "b": [1]}


def test_a_load_of_one_version_changes_no_other(config: Config) -> None:
    """One that lies new beside it waits, and one whose files have changed stays as it was."""
    first = initial(config, 1)
    for number in (2, 3, 4):
        onnx_models.save(config.repository, "a", number, onnx_models.scale(5))
    desired = load(first, config, "a", [3])
    assert held(desired) == {"a": [1, 2, 3], "b": [1]}
    assert desired.models["a"][2] == first.models["a"][2]
    assert load(first, config, "a", None).models["a"][2] != first.models["a"][2]


def test_what_is_not_there_cannot_be_loaded_or_unloaded(config: Config) -> None:
    """Neither a model nor a version."""
    desired = initial(config, 1)
    with pytest.raises(NotFound, match=r'^no model "c" in the repository$'):
        load(desired, config, "c", None)
    with pytest.raises(NotFound, match=r"^a has no version 9; it has 1, 2$"):
        load(desired, config, "a", [9])
    with pytest.raises(NotFound, match=r'^no model "c"$'):
        unload(desired, "c", None)
    with pytest.raises(NotFound, match=r"^a has no version 9; it has 1, 2$"):
        unload(desired, "a", [9])


def test_a_repository_that_no_longer_fits_the_configuration_refuses_the_load(config: Config) -> None:
    """The state stays as it was."""
    config = config.model_copy(update={"models": {"a": ModelConfig(versions=(3,))}})
    with pytest.raises(RepositoryError, match="version a/3 is configured"):
        initial(config, 1)
