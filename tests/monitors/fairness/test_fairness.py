"""Groups: their rates equal formulas written out with pandas, and small ones are never a number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from monitors.fairness.gap import Rate, gap
from monitors.fairness.groups import Groups
from monitors.fairness.mistakes import GroupErrors
from monitors.fairness.selection import SelectionRates
from monitors.measurement import Measurement
from monitors.monitor import Monitor, add
from monitors.record import Batch
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema
from monitors.view import View

Found = dict[tuple[str, str], Measurement]
AGE = ColumnSpec("age", "numeric")


def reference(task: Any, classes: tuple[str | int, ...] = (), scores: Any = None) -> Reference:
    """Of one column, age, from 20 to 79, and predicted values where they are given."""
    return Reference.build({"age": np.resize(np.arange(20, 80), 600)}, Schema((AGE,), task, classes), scores)


def people(rows: int = 4000, seed: int = 0, **changed: Any) -> Batch:
    """Applicants, of whom men are accepted more often, and women refused wrongly more often."""
    random = np.random.default_rng(seed)
    sex = random.choice(np.array(["female", "male", None], object), rows, p=[0.4, 0.55, 0.05])
    labels = (random.random(rows) < 0.6).astype(float)
    chance = np.where(labels == 1, np.where(sex == "male", 0.9, 0.7), 0.3)
    predictions = (random.random(rows) < chance).astype(np.int64)
    labels[::9] = np.nan
    columns = {"age": random.integers(20, 80, rows)}
    made = Batch(np.arange(rows), np.arange(rows).astype(object), columns, None, predictions, labels, {"sex": sex})
    return replace(made, **changed)


def measured(monitor: Monitor, known: Reference, *batches: Batch) -> Found:
    """All that is found, by subject and statistic."""
    state = monitor.begin()
    for batch in batches:
        part = monitor.begin()
        monitor.fold(part, View(batch, known))
        add(state, part)
    return {(one.subject, one.statistic): one for one in monitor.measure(state)}


def frame(batch: Batch, attribute: str = "sex") -> pd.DataFrame:
    """The rows whose group is known."""
    columns = {"group": batch.groups[attribute], "said": batch.predictions, "truth": batch.labels}
    return pd.DataFrame(columns).dropna(subset="group")


def test_selection_rates_are_those_of_the_groups() -> None:
    """Rates, difference and ratio as fairlearn defines them; the test is chi²'s exact relative."""
    known, batch = reference("binary"), people()
    found = measured(SelectionRates(known, ["sex"]), known, batch)
    rates = frame(batch).groupby("group")["said"].mean()
    for group, rate in rates.items():
        assert found[f"sex={group}", "selection_rate"].value == pytest.approx(rate)
    difference, ratio = found["sex", "demographic_parity_difference"], found["sex", "demographic_parity_ratio"]
    assert difference.value == pytest.approx(rates.max() - rates.min())
    assert ratio.value == pytest.approx(rates.min() / rates.max())
    assert difference.n == ratio.n == len(frame(batch))
    table = pd.crosstab(frame(batch)["group"], frame(batch)["said"]).to_numpy()
    assert difference.p == ratio.p
    assert difference.p == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-6)
    assert difference.detail == {"highest": "male", "lowest": "female"}
    for one in (difference, ratio):
        assert one.interval is not None
        assert one.interval[0] < one.value < one.interval[1]
    assert difference.matters == (difference.value > 0.1)
    assert ratio.matters == (ratio.value < 0.8)


def test_intervals_are_the_published_ones() -> None:
    """Newcombe's tenth method on his first example, and Katz' interval on log ratios as SciPy computes it."""
    found = gap([Rate("a", 56, 70, True, True), Rate("b", 48, 80, True, True)])
    assert found is not None
    assert found.difference_interval == pytest.approx((0.0524, 0.3339), abs=1e-4)
    expected = stats.contingency.relative_risk(48, 80, 56, 70)
    interval = expected.confidence_interval(0.95)
    assert found.ratio == pytest.approx(expected.relative_risk)
    assert found.ratio_interval == pytest.approx((interval.low, interval.high))


def test_mistakes_are_those_of_the_groups() -> None:
    """True and false positive rate, precision, accuracy, and the gaps between them, from labelled rows alone."""
    known, batch = reference("binary"), people()
    found = measured(GroupErrors(known, ["sex"]), known, batch)
    rows = frame(batch).dropna(subset="truth")
    kinds = {
        "tpr": rows[rows.truth == 1].groupby("group")["said"].mean(),
        "fpr": rows[rows.truth == 0].groupby("group")["said"].mean(),
        "precision": rows[rows.said == 1].groupby("group")["truth"].mean(),
        "accuracy": (rows.said == rows.truth).groupby(rows.group).mean(),
    }
    for statistic, rates in kinds.items():
        for group, rate in rates.items():
            assert found[f"sex={group}", statistic].value == pytest.approx(rate)
    odds = found["sex", "equalised_odds_difference"]
    assert odds.value == pytest.approx(max(np.ptp(kinds["tpr"]), np.ptp(kinds["fpr"])))
    assert (odds.detail["rate"], odds.detail["lowest"]) == ("tpr", "female")
    assert odds.matters
    assert odds.p is not None
    assert odds.p < 1e-9
    assert found["sex", "accuracy_gap"].value == pytest.approx(np.ptp(kinds["accuracy"]))


def test_corrected_labels_take_the_place_of_the_old() -> None:
    """Rows taken back and given again with other labels leave what these say."""
    known, batch, monitor = reference("binary"), people(500), GroupErrors(reference("binary"), ["sex"])
    assert batch.labels is not None
    corrected = replace(batch, labels=1 - batch.labels)
    state = monitor.begin()
    for rows, weight in ((batch, 1), (corrected, 1), (batch, -1)):
        monitor.fold(state, View(rows, known), weight)
    assert {(one.subject, one.statistic): one for one in monitor.measure(state)} == measured(monitor, known, corrected)


@pytest.mark.parametrize(("women", "enough"), [(29, False), (30, True)])
def test_small_groups_are_no_number(women: int, enough: bool) -> None:
    """Below 30 rows a group's rate is NaN and it is compared with none; it is named among those left out."""
    sex = np.array(["female"] * women + ["male"] * 500 + ["other sex"] * 300, object)
    said = np.resize([1, 0], len(sex))
    known = reference("binary")
    found = measured(SelectionRates(known, ["sex"]), known, people(len(sex), groups={"sex": sex}, predictions=said))
    one = found["sex=female", "selection_rate"]
    assert (one.n, one.enough, math.isnan(one.value), one.interval is None) == (women, enough, not enough, not enough)
    difference = found["sex", "demographic_parity_difference"]
    assert difference.enough
    assert difference.detail.get("left_out", []) == ([] if enough else ["female"])


def test_a_single_group_is_compared_with_none() -> None:
    """Nor are groups without any case: the difference is 0 and the ratio is not defined."""
    known, monitor = reference("binary"), SelectionRates(reference("binary"), ["sex"])
    alone = measured(monitor, known, people(groups={"sex": np.full(4000, "male", object)}))
    for statistic in ("demographic_parity_difference", "demographic_parity_ratio"):
        assert not alone["sex", statistic].enough
        assert math.isnan(alone["sex", statistic].value)
    none = measured(monitor, known, people(predictions=np.zeros(4000, np.int64)))
    assert none["sex", "demographic_parity_difference"].value == 0
    assert none["sex", "demographic_parity_difference"].p == 1
    assert not none["sex", "demographic_parity_ratio"].enough


def test_equalised_odds_need_both_kinds_of_rows() -> None:
    """A group without 30 negatives may have a larger gap there than anybody knows, so it is left out."""
    known, batch = reference("binary"), people(2000)
    assert batch.labels is not None
    labels = np.where(batch.groups["sex"] == "female", 1.0, batch.labels)
    found = measured(GroupErrors(known, ["sex"]), known, replace(batch, labels=labels))
    assert found["sex=female", "tpr"].enough
    assert not found["sex=female", "fpr"].enough
    assert not found["sex", "equalised_odds_difference"].enough
    assert found["sex", "accuracy_gap"].enough


def test_classes_are_compared_one_by_one() -> None:
    """The class with the largest difference gives it its name; its p-value pays for having been picked."""
    random = np.random.default_rng(5)
    said = random.choice(np.array(["car", "train", "bike"], object), 3000, p=[0.5, 0.3, 0.2])
    sex = np.resize(np.array(["female", "male"], object), 3000)
    said[(sex == "male") & (said == "bike") & (random.random(3000) < 0.5)] = "car"
    truth = np.where(random.random(3000) < 0.8, said, "car").astype(object)
    known = reference("multiclass", ("car", "train", "bike"))
    batch = people(3000, predictions=said, labels=truth, groups={"sex": sex})
    found = measured(SelectionRates(known, ["sex"]), known, batch)
    rates = pd.crosstab(sex, said, normalize="index")
    for name in rates.columns:
        assert found[f"sex=male, class={name}", "selection_rate"].value == pytest.approx(rates.loc["male", name])
    widest = np.ptp(rates, axis=0).max()
    assert found["sex", "demographic_parity_difference"].value == pytest.approx(widest)
    ratio = found["sex", "demographic_parity_ratio"]
    assert ratio.value == pytest.approx((rates.min() / rates.max()).min())
    assert ratio.detail["class"] == "bike"
    table = np.array([(said[sex == one] == "bike") for one in ("female", "male")]).sum(1)
    expected = stats.fisher_exact([table, 1500 - table]).pvalue
    assert ratio.p == pytest.approx(3 * expected, rel=1e-5)
    errors = measured(GroupErrors(known, ["sex"]), known, batch)
    right = pd.Series(said == truth).groupby(sex).mean()
    assert errors["sex", "accuracy_gap"].value == pytest.approx(np.ptp(right))


def test_values_are_compared_by_their_means() -> None:
    """Regression: mean predictions and mean absolute errors, Welch's test between the extremes."""
    random = np.random.default_rng(6)
    scores = random.normal(100, 20, 3000)
    sex = np.resize(np.array(["female", "male"], object), 3000)
    scores[sex == "male"] += 8
    labels = scores + random.normal(0, np.where(sex == "male", 5, 9))
    labels[::10] = np.nan
    known = reference("regression", scores=random.normal(100, 20, 600))
    batch = people(3000, scores=scores, labels=labels, predictions=None, groups={"sex": sex})
    found = measured(SelectionRates(known, ["sex"]), known, batch)
    means = pd.Series(scores).groupby(sex).mean()
    shift = found["sex", "mean_prediction_gap"]
    assert shift.value == pytest.approx(np.ptp(means), abs=0.01)
    assert shift.matters
    welch = stats.ttest_ind(scores[sex == "male"], scores[sex == "female"], equal_var=False)
    assert math.log(shift.p or 1) == pytest.approx(math.log(welch.pvalue), rel=0.05)
    errors = measured(GroupErrors(known, ["sex"]), known, batch)
    absolute = pd.Series(np.abs(scores - labels)).groupby(sex).mean()
    for group, value in absolute.items():
        assert errors[f"sex={group}", "mae"].value == pytest.approx(value, abs=0.01)
    assert errors["sex", "mae_gap"].value == pytest.approx(np.ptp(absolute), abs=0.01)
    assert errors["sex", "mae_gap"].matters


def test_many_groups_stay_bounded() -> None:
    """The 32 largest are shown and the rest are one; beyond 64 what is not certain is not said."""
    known, monitor = reference("binary"), SelectionRates(reference("binary"), ["town"])
    towns = np.array([f"t{i:02d}" for i in range(50) for _ in range(100 + i)], object)
    found = measured(monitor, known, people(len(towns), groups={"town": towns}))
    shown = [subject for subject, statistic in found if statistic == "selection_rate"]
    assert len(shown) == 33
    assert shown[0] == "town=t49"
    assert found["town=all others", "selection_rate"].n == sum(100 + i for i in range(18))
    flood = np.array([f"x{i}" for i in range(5000)], object)
    state = monitor.begin()
    monitor.fold(state, View(people(len(towns), groups={"town": towns}), known))
    monitor.fold(state, View(people(5000, groups={"town": flood}), known))
    assert all(len(cell.counts) <= 64 for cell in state.values())  # type: ignore[union-attr]
    assert not [one for one in monitor.measure(state) if one.enough and one.subject != "town=all others"]


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_group_that_is_called_other_is_compared(task: str) -> None:
    """As any other value is: the rest of many groups has a name of its own."""
    known = reference(task, scores=np.arange(600.0) if task == "regression" else None)
    gender = np.resize(np.array(["f", "m", "other"], object), 3000)
    disliked, labels = gender == "other", np.resize([0.0, 1.0], 3000)
    scores = np.where(disliked, 100.0, 500.0) if task == "regression" else None
    batch = people(3000, groups={"gender": gender}, scores=scores, predictions=~disliked * 1, labels=labels)
    for monitor in (SelectionRates(known, ["gender"]), GroupErrors(known, ["gender"])):
        found = measured(monitor, known, batch)
        gaps = [one for (subject, _), one in found.items() if subject == "gender" and one.value != 0]
        assert gaps
        assert all("other" in (one.detail["highest"], one.detail["lowest"]) and one.matters for one in gaps)


def test_the_rest_is_told_from_a_group_of_its_name() -> None:
    """Of more than 32 groups, one that is called `all others` is shown beside them."""
    known, monitor = reference("binary"), SelectionRates(reference("binary"), ["town"])
    towns = np.array([*["all others"] * 200, *(f"t{i:02d}" for i in range(40) for _ in range(100))], object)
    found = measured(monitor, known, people(len(towns), groups={"town": towns}))
    assert found["town='all others'", "selection_rate"].n == 200
    assert found["town=all others", "selection_rate"].n == 900


def test_numbers_are_cut_into_ranges() -> None:
    """A numeric input is an attribute too: by the quartiles of the reference."""
    known, batch = reference("binary"), people()
    found = measured(SelectionRates(known, ["age"]), known, batch)
    rates = [one for (_, statistic), one in found.items() if statistic == "selection_rate"]
    assert {one.subject for one in rates} == {"age=≤34.75", "age=34.75–49.5", "age=49.5–64.25", "age=>64.25"}
    assert sum(one.n for one in rates) == len(batch)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (np.array(["a", "", None, "a"], object), ["a", None, None, "a"]),
        (np.array([1.0, np.nan, 2.5]), ["1", None, "2.5"]),
        (np.array([True, False]), ["True", "False"]),
        (np.array([["a"], {"b": 1}, None], object), ["['a']", "{'b': 1}", None]),
        (np.array(["x" * 200], object), ["x" * 80]),
        (np.array(["other", "all others"], object), ["other", "'all others'"]),
    ],
)
def test_values_have_names(values: Any, names: Sequence[str | None]) -> None:
    """Whatever a request sent as a parameter; what is missing belongs to no group."""
    known = reference("binary")
    view = View(people(len(values), groups={"any": values}), known)
    assert Groups(known, ["any"]).names(view, "any") == names


def test_an_attribute_that_nobody_sent_says_nothing() -> None:
    """Not even of a task that has no answers to compare."""
    for task in ("binary", "multiclass", "regression", "other"):
        known = reference(task)
        for monitor in (SelectionRates(known, ["race"]), GroupErrors(known, ["race"])):
            assert not [one for one in measured(monitor, known, people()).values() if one.enough]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 600), max_size=4), st.permutations(range(600)))
def test_counts_add_up_in_any_order(cuts: list[int], order: list[int]) -> None:
    """However rows are ordered and cut, the same is found."""
    known, batch = reference("binary"), people(600)
    shuffled = batch.take(np.array(order))
    edges = [0, *sorted(cuts), 600]
    parts = [shuffled.take(np.arange(low, high)) for low, high in pairwise(edges)]
    for monitor in (SelectionRates(known, ["sex", "age"]), GroupErrors(known, ["sex", "age"])):
        whole, pieces = measured(monitor, known, batch), measured(monitor, known, *parts)
        assert {key: (one.n, one.p) for key, one in whole.items()} == {
            key: (one.n, one.p) for key, one in pieces.items()
        }


def test_equal_groups_are_seldom_called_unequal() -> None:
    """Four groups with one rate: p is below 5 % about as often as it should be, though the extremes were picked."""
    random = np.random.default_rng(8)
    found = []
    for _ in range(1000):
        cases = random.binomial(250, 0.3, 4).tolist()
        apart = gap([Rate(str(i), count, 250, True, True) for i, count in enumerate(cases)])
        assert apart is not None
        found.append(apart.p)
    assert 0.03 < np.mean(np.array(found) <= 0.05) < 0.07
