"""An edited configuration beside the one in force."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config import Config, ModelConfig, read_config
from gateway.errors import ConfigError
from gateway.planning import Change, changes, diff, edited, plain, read
from gateway.planning import routing as keys_of

HERE = {"repository": "/srv/models", "data": "/srv/var"}
ROLLOUT = {"stable": 1, "candidate": 2, "bake": "90s", "gates": [{"metric": "accuracy", "worse_by": 0.02}]}
FULL: dict[str, Any] = {
    **HERE,
    "listen": {"http": 8100},
    "replicas": {"min": 1, "max": 3},
    "limits": {"timeout": "10s", "max_body": "1MiB"},
    "models": {
        "flights": {
            "versions": [1, 2, 3],
            "sticky": "cookie:uid",
            "rules": [
                {"header": "x-plan", "in": ["gold"], "version": 2},
                {"parameter": "n", "equals": 1, "version": 1},
            ],
            "shadow": [3],
            "rollout": ROLLOUT,
            "record": {"redact": ["id"], "features": ["id", "x"]},
            "monitor": {"slices": [{"carrier": ["UA"]}], "rows": 50},
        },
        "big": {"placement": "dedicated", "min_replicas": 0, "max_replicas": 2, "traffic": {1: 99.5, 2: 0.5}},
        "quiet": {"record": "none", "monitor": "none"},
    },
}


def config(models: Any = None, **more: Any) -> Config:
    """A configuration of these models."""
    return Config.model_validate({**HERE, **more} if models is None else {**HERE, **more, "models": models})


@pytest.mark.parametrize("content", [FULL, HERE, {**HERE, "models": {}}, {**HERE, "models": {"m": {}}}])
@pytest.mark.parametrize("form", [json.dumps, yaml.safe_dump])
def test_plain_values_are_the_same_configuration(content: dict[str, Any], form: Any) -> None:
    """Through JSON and YAML; and once more the same."""
    made = Config.model_validate(content)
    again = read(form(plain(made)), made)
    assert again == made
    assert plain(again) == plain(made)


def test_folders_of_an_edit_are_those_in_force_unless_it_names_others(tmp_path: Path) -> None:
    """Whoever sends text knows nothing of where the file lay; whoever sends a file names folders from the root."""
    path = tmp_path / "gateway.yaml"
    path.write_text("repository: some/models")
    before = read_config(path)
    for text in ("models: {}", "repository: models", "repository: some/models\ndata: var", json.dumps(plain(before))):
        after = read(text, before)
        assert (after.repository, after.data) == (before.repository, before.data)
    with pytest.raises(
        ConfigError, match=r"^repository: other instead of .*/some/models needs a restart: driftgate down"
    ):
        changes(before, read("repository: other", before))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("models:\n  flights: {trafic: {1: 1}}", "configuration:2: models.flights.trafic: unknown key"),
        ("[1]", "configuration: expected a mapping of keys at the top, found list"),
        ("models: [", "configuration:1: not valid YAML"),
        ('{"models": {"m": {}, "m": {}}}', "configuration:1: models.m: given twice, first in line 1"),
        ('{"modles": {}}', "configuration:1: modles: unknown key"),
        ("[" * 2000, "configuration: nested too deeply"),
        ("{" * 2000, "configuration: nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, sentence: str) -> None:
    """With its line."""
    with pytest.raises(ConfigError, match=f"^{re.escape(sentence)}"):
        read(text, config())


def test_the_same_configuration_changes_nothing() -> None:
    """However it is written."""
    one = config({"flights": {"traffic": {1: 90, 2: 10}, "rollout": None}})
    other = config({"flights": {"traffic": {2: 10.0, 1: 90.0}}})
    assert changes(one, other) == []
    assert diff(one, other) == ""
    assert edited(one, other) == {}


def test_weights_in_the_same_proportion_are_no_other_shares() -> None:
    """It is a change of the file, and said to be no more."""
    found = changes(config({"m": {"traffic": {1: 90, 2: 10}}}), config({"m": {"traffic": {1: 9, 2: 1}}}))
    assert [str(change) for change in found] == ["m: is written otherwise; no request goes another way"]


def test_changes_are_told_by_model() -> None:
    """Models that come and go, too."""
    before = config({"flights": {"traffic": {1: 90, 2: 10}}, "credit": {}, "gone": {}})
    after = config(
        {
            "flights": {"traffic": {1: 80, 2: 20}, "shadow": [3]},
            "credit": {},
            "new": {"traffic": {1: 1}, "sticky": "cookie:uid"},
        }
    )
    shares = "version 1 90 %, version 2 10 %", "version 1 80 %, version 2 20 %"
    assert changes(before, after) == [
        Change("flights", "10 % of traffic goes from version 1 to version 2, which then has 20 %", *shares),
        Change("flights", "shadow 3 is added", *shares),
        Change("gone", "the model is no longer served", "newest version", ""),
        Change("new", "the model is added", "", "version 1 100 %"),
        Change("new", "all traffic goes to version 1", "", "version 1 100 %"),
        Change("new", "the same cookie:uid keeps the same version", "", "version 1 100 %"),
    ]
    assert list(edited(before, after)) == ["flights", "new"]


def test_models_that_nobody_named_are_those_of_the_repository() -> None:
    """So that naming one takes the others out."""
    every, one = config(), config({"credit": {"traffic": {1: 1}}})
    assert [str(change) for change in changes(every, one, ["credit", "flights"])] == [
        "only the models that are named are served, instead of every one of the repository",
        "credit: all traffic goes to version 1",
        "flights: the model is no longer served",
    ]
    assert [str(change) for change in changes(one, every, ["credit", "flights"])] == [
        "every model of the repository is served, instead of those that are named",
        "credit: all traffic goes to the newest version in production",
        "flights: the model is added",
        "flights: all traffic goes to the newest version in production",
    ]
    assert edited(one, every, ["credit", "flights"]) == {"credit": ModelConfig(), "flights": ModelConfig()}


@pytest.mark.parametrize(
    ("more", "sentences"),
    [
        ({"listen": {"http": 8001}}, ["listen.http: 8001 instead of 8000"]),
        (
            {"limits": {"max_queue": 7, "drain": "9s"}},
            ["limits.max_queue: 7 instead of 512", "limits.drain: 9.0 instead of 6.0"],
        ),
        ({"data": "/elsewhere"}, ["data: /elsewhere instead of /srv/var"]),
        ({"replicas": 2}, ["replicas: 2 instead of 1"]),
        (
            {"replicas": {"min": 1}},
            ['replicas: {"min": 1, "max": 2, "target": 0.6, "up_delay": 5.0, "down_delay": 60.0} instead of 1'],
        ),
        ({"journal": {"on_full": "refuse"}}, ['journal.on_full: "refuse" instead of "drop"']),
        ({"store": {"flush": "5s"}}, ["store.flush: 5.0 instead of 60.0"]),
    ],
)
def test_what_needs_a_restart_is_refused_by_key(more: dict[str, Any], sentences: list[str]) -> None:
    """With what it is, and what it would be; a line for each."""
    with pytest.raises(ConfigError) as refused:
        changes(config({"m": {}}), config({"m": {"traffic": {1: 1}}}, **more))
    restart = " needs a restart: driftgate down, then driftgate up"
    assert refused.value.message.splitlines() == [sentence + restart for sentence in sentences]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"threads": 2}, "models.m.threads: 2 instead of 1"),
        ({"placement": "dedicated"}, 'models.m.placement: "dedicated" instead of "shared"'),
        ({"record": "none"}, "models.m.record.answers: false instead of true"),
        ({"monitor": {"rows": 5}}, "models.m.monitor.rows: 5 instead of 1000"),
        ({"max_batch_size": 0}, "models.m.max_batch_size: 0 instead of null"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_how_a_model_runs_needs_a_restart(settings: dict[str, Any], sentence: str, named: bool) -> None:
    """Whether the file named it before or not."""
    with pytest.raises(ConfigError, match=f"^{re.escape(sentence)} needs a restart"):
        changes(config({"m": {}} if named else None), config({"m": settings}))


def test_a_model_that_is_added_runs_and_is_recorded_by_the_defaults() -> None:
    """The processes know no other word on it: what is to be hashed would be recorded in clear."""
    added = config({"m": {}, "new": {"record": {"redact": ["age"]}}})
    with pytest.raises(ConfigError, match=r"^models\.new\.record\.redact: .* needs a restart"):
        changes(config({"m": {}}), added)


def test_the_diff_shows_what_directs_requests() -> None:
    """As normalised YAML, and nothing else of the file."""
    before = config({"m": {"traffic": {1: 90, 2: 10}, "threads": 2}, "a": {}})
    after = config({"a": {}, "m": {"rollout": ROLLOUT, "threads": 2}})
    assert diff(before, after) == (
        "--- in force\n+++ planned\n@@ -1,6 +1,18 @@\n models:\n   a: {}\n   m:\n-    traffic:\n-      1: 90\n-      2: 10\n"
        "+    rollout:\n+      stable: 1\n+      candidate: 2\n+      steps:\n+      - 1\n+      - 10\n+      - 50\n"
        "+      bake: 90s\n+      min_samples: 500\n+      gates:\n+      - metric: accuracy\n+        worse_by: 0.02\n"
        "+      confidence: 0.95\n+      on_fail: rollback\n+      approve: auto\n"
    )
    assert "+models: # left out: every model of the repository" in diff(before, config())


def test_the_keys_of_routing_have_one_order() -> None:
    """Whatever the file's."""
    settings = Config.model_validate(FULL).settings("flights")
    assert settings
    assert list(keys_of(settings)) == ["versions", "sticky", "rules", "shadow", "rollout"]
