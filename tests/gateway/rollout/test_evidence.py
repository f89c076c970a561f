"""Sums over answers: what is counted, that it adds up, and that it comes back from a checkpoint."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from gateway.observer.batches import batch
from gateway.rollout.evidence import Arm
from gateway.rollout.expectation import Expectation
from gateway.rollout.metrics import Share, measured
from gateway.rollout.sequential import Sample
from monitors.record import Batch
from tests.gateway.store.answering import answers, layout


def rows(scores: Any, labels: Any, predictions: Any = None) -> Batch:
    """A batch of no inputs."""
    n = len(labels)
    found = np.empty(n, object)
    found[:] = list(labels)
    return Batch(
        np.zeros(n, np.int64), np.array([""] * n, object), {}, np.asarray(scores, np.float64), predictions, found
    )


def plain(arm: Arm) -> Any:
    """For comparison."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(arm.export()))


def filled(seed: int, n: int = 40) -> Arm:
    """An arm of some answers, refusals and labels."""
    random = np.random.default_rng(seed)
    expectation, found = Expectation(layout(), None), Arm()
    told = answers([f"{seed}-{one}" for one in range(n)])
    found.answers(told, batch(told), expectation)
    found.refused(["internal", "bad_request", "deadline_exceeded"][: seed % 4])
    found.labels(rows(random.random(n), random.integers(0, 2, n).tolist()), expectation)
    found.compare(n, int(random.integers(0, n)))
    found.groups = {"sex": {"f": (n, seed % n), "m": (n, 1)}}
    return found


def test_an_answer_counts_once_and_its_rows_each() -> None:
    """Latency is the request's; predictions are the rows'."""
    told = answers(["a", "a", "b"], rows=[0, 1, 0])
    found = Arm()
    found.answers(told, batch(told), Expectation(layout(), None))
    assert (found.answered, found.rows, found.latency.sum(), found.predictions.sum()) == (2, 3, 2, 3)


def test_what_clients_do_wrong_is_not_the_versions_fault() -> None:
    """It is counted, and not held against it."""
    found = Arm(answered=7)
    found.refused(["internal", "bad_request", "inference_failed", "not_ready", "cancelled"])
    assert (found.failed, found.requests, sum(found.errors.values())) == (3, 10, 5)


@given(first=st.integers(0, 50), second=st.integers(0, 50))
def test_arms_add_up_and_subtract(first: int, second: int) -> None:
    """now − then is what came between, in every cell."""
    one, two = filled(first), filled(second, 30)
    assert plain(one + two) == plain(two + one)
    between = (one + two) - one
    assert between.labelled.losses == pytest.approx(two.labelled.losses)
    between.labelled.losses = two.labelled.losses
    assert plain(between) == plain(two)


def test_an_arm_comes_back_from_its_checkpoint() -> None:
    """As it was."""
    found = filled(3)
    assert plain(Arm.restore(plain(found))) == plain(found)
    assert plain(Arm.restore(plain(Arm()))) == plain(Arm())


def test_metrics_of_two_classes_are_scikit_learns() -> None:
    """Losses are what is missing from 1, or the loss itself."""
    random = np.random.default_rng(1)
    truth = random.integers(0, 2, 2000)
    scores = np.clip(0.3 * truth + 0.7 * random.random(2000), 0, 1)
    found, said = Arm(), (scores >= 0.5).astype(int)
    found.labels(rows(scores, truth.tolist()), Expectation(layout(), None))
    expected = {
        "accuracy": 1 - sk.accuracy_score(truth, said),
        "precision": 1 - sk.precision_score(truth, said),
        "recall": 1 - sk.recall_score(truth, said),
        "f1": 1 - sk.f1_score(truth, said),
        "roc_auc": 1 - sk.roc_auc_score(truth, scores),
        "log_loss": sk.log_loss(truth, scores),
        "brier": sk.brier_score_loss(truth, scores),
    }
    for name, value in expected.items():
        assert loss(measured(found, name)) == pytest.approx(value, abs=3e-4), name


def test_metrics_of_several_classes_are_means_over_them() -> None:
    """Of precision, recall and F1; accuracy, log loss and Brier's score are of the rows."""
    random = np.random.default_rng(2)
    truth = random.integers(0, 3, 1500)
    scores = random.dirichlet(np.ones(3), 1500) + np.eye(3)[truth] * 0.5
    scores /= scores.sum(1, keepdims=True)
    found, said = Arm(), scores.argmax(1)
    found.labels(rows(scores, truth.tolist()), Expectation(layout(task="multiclass", classes=(0, 1, 2)), None))
    assert loss(measured(found, "accuracy")) == pytest.approx(1 - sk.accuracy_score(truth, said))
    assert loss(measured(found, "f1")) == pytest.approx(1 - sk.f1_score(truth, said, average="macro"))
    assert loss(measured(found, "log_loss")) == pytest.approx(sk.log_loss(truth, scores))
    assert loss(measured(found, "brier")) == pytest.approx(((scores - np.eye(3)[truth]) ** 2).sum(1).mean())
    assert measured(found, "roc_auc") is None


def test_errors_of_values_have_their_spread() -> None:
    """Rows without a finite error are left out."""
    random = np.random.default_rng(3)
    truth, said = random.normal(size=1000), random.normal(size=1000)
    found = Arm()
    found.labels(
        rows([*said, np.nan, 1e308], [*truth.tolist(), 1.0, -1e308]), Expectation(layout(task="regression"), None)
    )
    mae, rmse = measured(found, "mae"), measured(found, "rmse")
    assert isinstance(mae, Sample)
    assert mae == pytest.approx((np.abs(truth - said).mean(), np.abs(truth - said).std(ddof=1), 1000))
    assert loss(rmse) == pytest.approx(np.sqrt(((truth - said) ** 2).mean()))


def test_a_corrected_label_takes_the_first_one_back() -> None:
    """As if it had never come."""
    expectation, twice, once = Expectation(layout(), None), Arm(), Arm()
    for arm, labels, weight in ((twice, [1, 0], 1), (twice, [1], -1), (twice, [0], 1), (once, [0, 0], 1)):
        arm.labels(rows([0.9, 0.2][: len(labels)], labels), expectation, weight)
    assert twice.labelled.losses == pytest.approx(once.labelled.losses)
    assert twice.labelled.actual.tolist() == once.labelled.actual.tolist()
    assert twice.labelled.positives.tolist() == once.labelled.positives.tolist()


def test_labels_of_no_class_and_scores_of_no_number_are_passed_over() -> None:
    """None of them is an error of the model's."""
    found = Arm()
    found.labels(rows([0.9, np.nan, 0.2], [7, 1, None]), Expectation(layout(), None))
    assert found.labelled.n == 0


def test_counting_costs_a_microsecond_a_row_and_one_for_its_label() -> None:
    """In batches as the observer makes them; the best of twenty, for the machine has other things to do."""
    told = answers([str(one) for one in range(2000)])
    rows_, expectation = batch(told), Expectation(layout(), None)
    labels = rows(rows_.scores, [one % 2 for one in range(2000)])
    costs = []
    for _ in range(20):
        found, begun = Arm(), time.perf_counter()
        found.answers(told, rows_, expectation)
        found.labels(labels, expectation)
        costs.append((time.perf_counter() - begun) / 2000)
    assert min(costs) < 2e-6


def loss(found: Share | Sample | None) -> float:
    """Of either kind."""
    assert found is not None
    return float(found.scale.loss(np.float64(found.rate.value))) if isinstance(found, Share) else found.value
