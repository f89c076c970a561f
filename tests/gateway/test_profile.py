"""`driftgate profile`: from a Parquet file and a manifest to a reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.errors import SetupError
from gateway.manifest import Column, Manifest, Task, read_manifest
from gateway.profile import profile, schema_of
from monitors.categorical import Categorical
from monitors.numeric import Numeric
from monitors.projection import Projection
from monitors.schema import ColumnSpec
from monitors.score import ClassScores, ValueScores


def column(name: str, datatype: Any, *shape: int, categories: tuple[Any, ...] = ()) -> Column:
    """A column with a batch dimension before `shape`."""
    return Column(name=name, datatype=datatype, shape=(-1, *shape), categories=categories)


def manifest(*inputs: Column, task: Task = "binary", classes: tuple[Any, ...] = (), width: int = 1) -> Manifest:
    """A model with the given inputs, a score `p`, and where it classifies a prediction `y`."""
    outputs = [column("p", "FP32", width), column("y", "INT64", 1)]
    return Manifest(
        name="m",
        version=1,
        task=task,
        inputs=inputs,
        outputs=tuple(outputs),
        score="p",
        prediction="y",
        classes=classes,
    )


AGE = column("age", "FP32", 1)


def written(path: Path, **columns: Any) -> Path:
    """A Parquet file of the given columns."""
    file = path / "data.parquet"
    pq.write_table(pa.table(columns), file)
    return file


def test_every_kind_of_column_is_profiled(tmp_path: Path) -> None:
    """Numbers, strings, booleans, declared categories and lists each get their profile."""
    found = profile(
        written(
            tmp_path,
            age=[30.0, None, 50.0],
            city=pa.array(["Bonn", None, "Köln"]).dictionary_encode(),
            member=[True, False, True],
            grade=pa.array([1, 2, 2], pa.int8()),
            pixels=[[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]],
        ),
        manifest(
            AGE,
            column("city", "BYTES", 1),
            column("member", "BOOL", 1),
            column("grade", "INT64", categories=(1, 2, 3)),
            column("pixels", "FP32", 2),
            task="other",
        ),
    )
    age, city, member, grade, pixels = found.columns
    assert isinstance(age, Numeric)
    assert (age.count, age.missing, age.mean) == (2, 1, 40)
    assert isinstance(city, Categorical)
    assert (city.values, city.missing) == (("Bonn", "Köln"), 1)
    assert isinstance(member, Categorical)
    assert dict(zip(member.values, member.counts.tolist(), strict=True)) == {False: 1, True: 2}
    assert isinstance(grade, Categorical)
    assert grade.counts.tolist() == [1, 2, 0]
    assert isinstance(pixels, Projection)
    assert pixels.mean.tolist() == [3.0, pytest.approx(13 / 3)]


def test_scores_predictions_and_labels_are_used_where_present(tmp_path: Path) -> None:
    """`output.<score>` makes the histogram, `output.<prediction>` a column, `label` the label distribution."""
    data = {"age": [1.0, 2.0, 3.0], "output.p": [0.1, None, 0.9], "output.y": [0, 1, 1], "label": [0, 1, None]}
    found = profile(written(tmp_path, **data), manifest(AGE))
    assert isinstance(found.scores, ClassScores)
    assert found.scores.classes[0].counts.sum() == 2
    assert found.scores.classes[0].labelled.sum() == 1
    assert isinstance(found.labels, Categorical)
    assert (found.labels.counts.tolist(), found.labels.missing) == ([1, 1], 1)
    assert [spec.name for spec in found.schema.columns] == ["age", "output.y"]


def test_inputs_alone_are_enough(tmp_path: Path) -> None:
    """Without outputs and labels the reference has none, and other columns are ignored."""
    found = profile(written(tmp_path, age=[1.0, 2.0], request_id=["a", "b"]), manifest(AGE))
    assert (found.scores, found.labels, found.rows) == (None, None, 2)
    assert [spec.name for spec in found.schema.columns] == ["age"]


def test_multiclass_scores_are_lists(tmp_path: Path) -> None:
    """The scores of each class come as one list a row; a null row was not scored."""
    scores = pa.array([[0.2, 0.3, 0.5], None, [1.0, 0.0, 0.0]])
    data = {"age": [1.0, 2.0, 3.0], "output.p": scores, "label": ["c", "b", "b"]}
    found = profile(written(tmp_path, **data), manifest(AGE, task="multiclass", classes=("a", "b", "c"), width=3))
    assert isinstance(found.scores, ClassScores)
    assert found.scores.confidence is not None
    assert found.scores.confidence.counts.sum() == 2
    assert [int(histogram.positives.sum()) for histogram in found.scores.classes] == [0, 1, 1]


def test_regression_has_residuals(tmp_path: Path) -> None:
    """Labels of a regression task are numbers, and their residuals are kept."""
    data = {"age": [1.0, 2.0], "output.p": [10.0, 20.0], "label": [11, None]}
    found = profile(written(tmp_path, **data), manifest(AGE, task="regression"))
    assert isinstance(found.scores, ValueScores)
    assert found.scores.absolute == 1


@pytest.mark.parametrize("kind", ["datetime64[s]", "datetime64[us]", "datetime64[ns]", "datetime64[D]"])
def test_times_tell_how_much_inputs_vary(tmp_path: Path, kind: str) -> None:
    """A timestamp or date `time` of any unit and in any order is used; it is no input."""
    days = np.arange(4000) // 500
    shuffled = np.random.default_rng(0).permutation(4000)
    when = (np.datetime64("2013-01-01") + days).astype(kind)
    found = profile(written(tmp_path, age=(days % 4).astype(float)[shuffled], time=when[shuffled]), manifest(AGE))
    answers = found.natural[0]
    assert answers.timed
    assert (
        answers.high[answers.keys.index(("drift", "age", "psi"))].max(initial=0, where=np.isfinite(answers.high[0])) > 1
    )
    assert [spec.name for spec in found.schema.columns] == ["age"]


def test_a_time_that_is_no_timestamp_is_ignored(tmp_path: Path) -> None:
    """A column `time` may be an input, such as a duration."""
    found = profile(written(tmp_path, time=[1.0, 2.0]), manifest(column("time", "FP32", 1)))
    assert not any(part.timed for part in found.natural)
    assert [spec.name for spec in found.schema.columns] == ["time"]


def test_values_are_taken_as_the_model_sees_them(tmp_path: Path) -> None:
    """float64 data of an FP32 input is profiled as float32, so that served values fall into the same bins."""
    found = profile(written(tmp_path, age=[0.1, 0.1, 0.7]), manifest(AGE))
    age = found["age"]
    assert isinstance(age, Numeric)
    assert age.low == float(np.float32(0.1))


def test_inputs_without_a_distribution_are_left_out() -> None:
    """Inputs whose width varies and inputs of several strings are not profiled; a batch of scalars is a column."""
    found = schema_of(
        manifest(column("tokens", "INT64", -1), column("words", "BYTES", 3), column("x", "INT64"), task="other")
    )
    assert found.columns == (ColumnSpec("x", "numeric"),)


@pytest.mark.parametrize(
    ("data", "model", "message"),
    [
        ({"size": [1.0]}, manifest(AGE), "no column age, but m/1 has such inputs; found size"),
        ({"age": ["x"]}, manifest(AGE), 'column "age": holds string, but the manifest says FP32'),
        ({"c": [1]}, manifest(column("c", "BYTES", 1)), 'column "c": holds int64, but the manifest says BYTES'),
        ({"k": [1.5]}, manifest(column("k", "INT64", 1)), 'column "k": holds double, but the manifest says INT64'),
        ({"k": [1, None]}, manifest(column("k", "INT64", 1)), 'column "k": 1 nulls, but INT64 cannot be missing'),
        ({"k": [300]}, manifest(column("k", "UINT8", 1)), 'column "k": does not fit UINT8'),
        ({"b": [1]}, manifest(column("b", "BOOL", 1)), 'column "b": holds int64, but the manifest says BOOL'),
        ({"w": [[1.0], [1.0, 2.0, 3.0]]}, manifest(column("w", "FP32", 2)), 'column "w": rows of 1 and 3 values'),
        ({"w": [[1.0], [1.0]]}, manifest(column("w", "FP32", 2)), r'column "w": rows of 1 values, but FP32 \[-1, 2\]'),
        ({"c": [b"\xff"]}, manifest(column("c", "BYTES", 1)), 'column "c": does not fit BYTES'),
        ({"w": [[1.0, 2.0], None]}, manifest(column("w", "FP32", 2)), 'column "w": 1 null rows'),
        ({"age": pa.array([], pa.float32())}, manifest(AGE), "found no rows"),
        ({"age": [1.0], "output.p": [3.0]}, manifest(AGE), "scores: found 3 to 3, expected probabilities"),
        (
            {"age": [1.0, 2.0], "time": np.array(["2013-01-01", "NaT"], "datetime64[s]")},
            manifest(AGE),
            'column "time": 1 nulls, but each row was at some time',
        ),
        (
            {"age": [1.0], "time": np.array(["9000-01-01"], "datetime64[s]")},
            manifest(AGE),
            'column "time": beyond the years that ns can count',
        ),
        ({"age": [1.0], "label": [7]}, manifest(AGE), "labels: found 7, expected one of 0, 1"),
        ({"age": [1.0], "label": ["x"]}, manifest(AGE, task="regression"), 'column "label": holds string'),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, data: dict[str, Any], model: Manifest, message: str) -> None:
    """The error names the file and the column, what was found and what the manifest expects."""
    with pytest.raises(SetupError, match=message) as caught:
        profile(written(tmp_path, **data), model)
    assert "data.parquet" in caught.value.message


def test_files_that_are_not_parquet_are_refused(tmp_path: Path) -> None:
    """A missing file and a file of another kind are told apart."""
    with pytest.raises(SetupError, match="no such file"):
        profile(tmp_path / "none.parquet", manifest(AGE))
    (tmp_path / "text.parquet").write_text("age\n1\n")
    with pytest.raises(SetupError, match="not a Parquet file"):
        profile(tmp_path / "text.parquet", manifest(AGE))


def test_bundled_data_makes_a_reference(tmp_path: Path) -> None:
    """The checked-in flights, as they are, profile against their own manifest."""
    models = Path(__file__).resolve().parents[2] / "models"
    found = profile(models / "flights/flights-2013.parquet", read_manifest(models / "flights/1/model.yaml"))
    assert found.rows == 336_776
    assert isinstance(found.labels, Categorical)
    assert found.labels.missing == 9_430
    found.save(tmp_path / "reference.npz")
    assert (tmp_path / "reference.npz").stat().st_size < 100_000
