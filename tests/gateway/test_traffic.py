"""The configuration's words on who gets which version."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gateway.config import ModelConfig, read_config
from gateway.errors import ConfigError
from gateway.traffic import METRICS, GateConfig, RolloutConfig

GATES = "gates: [{metric: error_rate, worse_by: 0.01}]"


def read(folder: Path, lines: str) -> ModelConfig:
    """A configuration of the model f, whose keys begin in line 3."""
    path = folder / "gateway.yaml"
    path.write_text("models:\n  f:\n" + "".join(f"    {line}\n" for line in lines.splitlines()))
    found = read_config(path).settings("f")
    assert found is not None
    return found


def test_a_rollout_is_read_as_it_is_written(tmp_path: Path) -> None:
    """Every key."""
    found = read(
        tmp_path,
        """\
rollout:
  stable: 1
  candidate: 2
  steps: [0.5, 10, 50]
  bake: 2m
  min_samples: 100
  gates:
    - {metric: latency_p99, ratio: 1.5}
    - {metric: estimated_roc_auc, worse_by: 0.02}
    - {promql: 'rate(refunds[5m])', url: 'http://prometheus:9090/base', above: -3}
  confidence: 0.99
  on_fail: pause
  approve: manual""",
    )
    assert found.rollout == RolloutConfig(
        stable=1,
        candidate=2,
        steps=(0.5, 10, 50),
        bake=120,
        min_samples=100,
        gates=(
            GateConfig(metric="latency_p99", ratio=1.5),
            GateConfig(metric="estimated_roc_auc", worse_by=0.02),
            GateConfig(promql="rate(refunds[5m])", url="http://prometheus:9090/base", above=-3),
        ),
        confidence=0.99,
        on_fail="pause",
        approve="manual",
    )
    assert found.named == {1, 2}


def test_a_rollout_needs_only_its_versions_and_a_gate(tmp_path: Path) -> None:
    """The rest has defaults."""
    found = read(tmp_path, f"rollout: {{stable: 2, candidate: 1, {GATES}}}").rollout
    assert found is not None
    assert (found.steps, found.bake, found.min_samples, found.confidence) == ((1, 10, 50), 60, 500, 0.95)
    assert (found.on_fail, found.approve) == ("rollback", "auto")


def test_the_versions_that_are_named_are_known(tmp_path: Path) -> None:
    """By traffic, rules and shadow."""
    found = read(tmp_path, "traffic: {1: 1}\nrules: [{cohort: beta, version: 2}]\nshadow: [3, 4]")
    assert found.named == {1, 2, 3, 4}
    assert ModelConfig().named == set()


@pytest.mark.parametrize(
    ("gate", "bound", "limit", "higher"),
    [
        ({"metric": "accuracy", "worse_by": 0.02}, "worse_by", 0.02, True),
        ({"metric": "estimated_f1", "below": 0.5}, "below", 0.5, True),
        ({"metric": "estimated_mae", "ratio": 1.1}, "ratio", 1.1, False),
        ({"metric": "disagreement", "above": 0.1}, "above", 0.1, False),
        ({"promql": "up", "url": "https://p", "below": 1}, "below", 1, False),
        ({"metric": "fairness_gap", "above": 0.05}, "above", 0.05, False),
    ],
)
def test_a_gate_has_one_bound(gate: dict[str, Any], bound: str, limit: float, higher: bool) -> None:
    """And knows which way its metric is better."""
    found = GateConfig.model_validate(gate)
    assert (found.bound, found.limit, found.higher_is_better) == (bound, limit, higher)


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_can_be_watched(metric: str) -> None:
    """By at least one bound; not by two."""
    fitting = []
    for bound in ("worse_by", "ratio", "above", "below"):
        try:
            fitting.append(GateConfig.model_validate({"metric": metric, bound: 1.5 if bound == "ratio" else 0.5}).bound)
        except ValueError:
            continue
    assert fitting
    with pytest.raises(ValueError, match=r"takes (exactly one of|above)"):
        GateConfig.model_validate({"metric": metric, "above": 1, "below": 1})


GATE = "rollout: {stable: 1, candidate: 2, gates: [%s]}"
ROLLOUT = "rollout: {stable: 1, candidate: 2, " + GATES + ", %s}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sticky: user", ":3: models.f.sticky: expected header:NAME, cookie:NAME, field:INPUT or parameter:NAME, found 'user'"),
        ("sticky: 'header:x y'", ":3: models.f.sticky: expected header:NAME"),
        ("sticky: 'field:'", ":3: models.f.sticky: expected header:NAME"),
        ("rules: [{version: 2}]", ":3: models.f.rules.0: a rule is on exactly one of header, parameter and cohort"),
        ("rules:\n- {cohort: a, version: 1}\n- {cohort: b, header: c, version: 2}", ":5: models.f.rules.1: a rule is on"),
        ("rules: [{header: h, version: 2}]", "a rule on a header or a parameter takes exactly one of equals and in"),
        ("rules: [{header: h, equals: a, in: [b], version: 2}]", "takes exactly one of equals and in"),
        ("rules: [{cohort: a, equals: a, version: 2}]", "cohort names its values itself, as in cohort: beta; it takes neither"),
        ("rules: [{header: h, equals: 7, version: 2}]", "models.f.rules.0: a header is text: put 7 in quotes"),
        ("rules: [{header: h, in: [a, true], version: 2}]", "a header is text: put True in quotes"),
        ("rules: [{header: h, in: [], version: 2}]", ":3: models.f.rules.0.in: Tuple should have at least 1 item"),
        ("rules: [{header: h, equals: a}]", "models.f.rules.0.version: Field required"),
        ("rules: [{header: h, equal: a, version: 2}]", ":3: models.f.rules.0.equal: unknown key"),
        ("rules: [{header: h, among: [a], version: 2}]", "models.f.rules.0.among: unknown key"),
        ("traffic: {1: 1}\n" + ROLLOUT % "bake: 1s", ":2: models.f: traffic and rollout cannot both be given: a rollout sets"),
        (f"versions: [1, 3]\nrollout: {{stable: 1, candidate: 2, {GATES}}}", "rollout names version 2, but versions are [1, 3]"),
        (f"rollout: {{stable: 1, candidate: 1, {GATES}}}", ":3: models.f.rollout: stable and candidate are both version 1"),
        ("rollout: {stable: 1, candidate: 2}", "models.f.rollout.gates: Field required"),
        ("rollout: {stable: 1, candidate: 2, gates: []}", "models.f.rollout.gates: Tuple should have at least 1 item"),
        (ROLLOUT % "steps: [10, 10]", "models.f.rollout: steps must ascend, found [10.0, 10.0]"),
        (ROLLOUT % "steps: [50, 10]", "steps must ascend, found [50.0, 10.0]"),
        (ROLLOUT % "steps: [1, 100]", "models.f.rollout.steps.1: Input should be less than 100, found 100"),
        (ROLLOUT % "steps: [0, 1]", "models.f.rollout.steps.0: Input should be greater than 0, found 0"),
        (ROLLOUT % "steps: []", "models.f.rollout.steps: Tuple should have at least 1 item"),
        (ROLLOUT % "bake: soon", "models.f.rollout.bake: expected a number with a unit"),
        (ROLLOUT % "min_samples: 0", "models.f.rollout.min_samples: Input should be greater than or equal to 1"),
        (ROLLOUT % "confidence: 0.5", "models.f.rollout.confidence: Input should be greater than 0.5"),
        (ROLLOUT % "confidence: 1", "models.f.rollout.confidence: Input should be less than 1"),
        (ROLLOUT % "on_fail: ignore", "models.f.rollout.on_fail: Input should be 'rollback' or 'pause'"),
        (ROLLOUT % "approve: never", "models.f.rollout.approve: Input should be 'auto' or 'manual'"),
        (ROLLOUT % "step: [1]", "models.f.rollout.step: unknown key"),
        (GATE % "{metric: erorr_rate, above: 1}", "models.f.rollout.gates.0.metric: expected one of error_rate, latency_p50,"),
        (GATE % "{metric: latency_p42, above: 1}", "or estimated_ and a metric of performance, found 'latency_p42'"),
        (GATE % "{above: 1}", "models.f.rollout.gates.0: a gate is on exactly one of metric and promql"),
        (GATE % "{metric: accuracy, promql: up, url: 'http://p', above: 1}", "a gate is on exactly one of metric and promql"),
        (GATE % "{promql: up, above: 1}", "promql and url go together"),
        (GATE % "{metric: f1, url: 'http://p', below: 1}", "promql and url go together"),
        (GATE % "{promql: up, url: 'prometheus:9090', above: 1}", "models.f.rollout.gates.0.url: String should match pattern"),
        (GATE % "{promql: up, url: 'http://me:secret@p', above: 1}", "models.f.rollout.gates.0.url: String should match pattern"),
        (GATE % "{promql: up, url: 'http://p', ratio: 2}", "a gate on promql takes exactly one of above and below; found ratio"),
        (GATE % "{metric: error_rate}", "a gate on error_rate takes exactly one of worse_by, ratio and above"),
        (GATE % "{metric: error_rate, below: 1}", "takes exactly one of worse_by, ratio and above; found below"),
        (GATE % "{metric: mae, worse_by: 1, ratio: 2}", "takes exactly one of worse_by, ratio and above; found worse_by, ratio"),
        (GATE % "{metric: accuracy, ratio: 2}", "a gate on accuracy takes exactly one of worse_by and below; found ratio"),
        (GATE % "{metric: disagreement, worse_by: 0.1}", "a gate on disagreement takes above; found worse_by"),
        (GATE % "{metric: mae, worse_by: 0}", "models.f.rollout.gates.0.worse_by: Input should be greater than 0"),
        (GATE % "{metric: mae, above: 0}", "gates.0: mae is never below 0: expected above more than 0, found 0"),
        (GATE % "{metric: error_rate, above: -1}", "error_rate is never below 0: expected above more than 0, found -1"),
        (GATE % "{metric: error_rate, worse_by: 5}", "lies between 0 and 1: expected worse_by less than 1, found 5; 5 % is 0.05"),
        (GATE % "{metric: accuracy, below: 85}", "expected below less than 1, found 85; 85 % is 0.85"),
        (GATE % "{metric: disagreement, above: 1}", "lies between 0 and 1: expected above less than 1, found 1"),
        (GATE % "{metric: mae, ratio: 1}", "models.f.rollout.gates.0.ratio: Input should be greater than 1"),
        (GATE % "{metric: mae, above: .nan}", "models.f.rollout.gates.0.above: Input should be a finite number"),
        (GATE % "{metric: mae, above: 1}, {metric: mae, above: 2}", "models.f.rollout: gates: mae has above more than once"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """With file, line and key, and what is allowed."""
    with pytest.raises(ConfigError, match=f"gateway.yaml.*{re.escape(sentence)}"):
        read(tmp_path, text)


@pytest.mark.parametrize("text", ["header:X-User-Id", "cookie:uid", "field:user id", "parameter:user"])
def test_a_key_may_stand_in_four_places(tmp_path: Path, text: str) -> None:
    """Inputs and parameters may have any name."""
    assert read(tmp_path, f"sticky: {text}").sticky == text
