"""The one place that speaks to ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from gateway.errors import InferenceFailed, RepositoryError
from gateway.session import Session
from gateway.signature import Spec
from gateway.tensor import DATATYPES, Array
from tests import onnx_models


def sample(datatype: str) -> Array:
    """Two rows of two elements."""
    if datatype == "BYTES":
        return np.array([["a", ""], ["größe", "日本"]], object)
    if datatype == "BF16":
        return np.array([[0x3F80, 0x7F80], [0x8000, 0x7FC0]], np.uint16)
    return np.array([[0, 1], [1, 0]], DATATYPES[datatype].dtype)


@pytest.mark.parametrize("datatype", DATATYPES)
def test_every_datatype_goes_in_and_comes_out(tmp_path: Path, datatype: str) -> None:
    """A model that gives back its input gives it back exactly, for each datatype of the protocol."""
    session = onnx_models.session(tmp_path, onnx_models.identity(datatype))
    assert session.signature.inputs == {"x": Spec("x", datatype, (-1, 2))}
    found = session.run({"x": sample(datatype)})["y"]
    assert found.dtype == DATATYPES[datatype].dtype
    assert found.tolist() == sample(datatype).tolist()


@pytest.mark.parametrize("datatype", DATATYPES)
def test_inputs_may_be_read_only_views(tmp_path: Path, datatype: str) -> None:
    """Binary tensors arrive as views of the body; the model must not need to write to them."""
    session = onnx_models.session(tmp_path, onnx_models.identity(datatype))
    array = sample(datatype)
    array.flags.writeable = False
    assert session.run({"x": array})["y"].tolist() == sample(datatype).tolist()


@pytest.mark.parametrize("datatype", ["FP32", "BF16", "BYTES"])
def test_no_rows_are_a_shape_like_any_other(tmp_path: Path, datatype: str) -> None:
    """A result of no elements has its shape all the same."""
    session = onnx_models.session(tmp_path, onnx_models.identity(datatype))
    assert session.run({"x": sample(datatype)[:0]})["y"].shape == (0, 2)


@pytest.mark.parametrize(
    ("given", "taken"), [("INT64", "BF16"), ("BF16", "INT64"), ("BF16", "FP32"), ("BF16", "BYTES")]
)
def test_bf16_may_stand_beside_other_datatypes(tmp_path: Path, given: str, taken: str) -> None:
    """numpy has none, so it passes as 16-bit words, on either side of a model."""
    made = onnx_models.model(
        [
            helper.make_node("Cast", ["a"], ["cast"], to=onnx_models.ELEMENTS["FP32"]),
            helper.make_node("Cast", ["cast"], ["y"], to=onnx_models.ELEMENTS[taken]),
        ],
        [onnx_models.value("a", given, ("N",))],
        [onnx_models.value("y", taken, ("N",))],
    )
    two = np.array([0x4000], np.uint16)
    rows = {"a": two if given == "BF16" else np.array([2])}
    found = onnx_models.session(tmp_path, made).run(rows)["y"]
    assert found.tolist() == {"BF16": [0x4000], "BYTES": ["2"]}.get(taken, [2])


def test_a_model_that_takes_strings_and_gives_bf16_is_refused(tmp_path: Path) -> None:
    """ONNX Runtime cannot pass both in one run; better said when it is loaded than at each request."""
    made = onnx_models.model(
        [helper.make_node("Identity", ["a"], ["b"]), helper.make_node("Identity", ["x"], ["y"])],
        [onnx_models.value("a", "BYTES", ("N",)), onnx_models.value("x", "BF16", ("N",))],
        [onnx_models.value("b", "BYTES", ("N",)), onnx_models.value("y", "BF16", ("N",))],
    )
    with pytest.raises(RepositoryError, match=r"^test/1: takes BYTES and gives BF16"):
        onnx_models.session(tmp_path, made)


def test_only_the_outputs_asked_for_are_given(tmp_path: Path) -> None:
    """And in the order asked for."""
    session = onnx_models.session(tmp_path, onnx_models.arithmetic())
    rows = {"a": np.ones((1, 1), np.float32), "b": np.zeros((1, 1), np.float32)}
    assert list(session.run(rows)) == ["sum", "difference"]
    assert list(session.run(rows, ["difference"])) == ["difference"]
    assert list(session.run(rows, ["difference", "sum"])) == ["difference", "sum"]


def test_symbols_name_the_first_dimensions(tmp_path: Path) -> None:
    """A model that means one batch gives all of them one name; a fixed dimension has none."""
    assert onnx_models.session(tmp_path, onnx_models.arithmetic()).symbols == ["N", "N", "N", "N"]
    assert onnx_models.session(tmp_path, onnx_models.identity(shape=(1, 2))).symbols == [None, None]


def test_a_run_that_fails_names_the_version_and_no_path(tmp_path: Path) -> None:
    """ONNX Runtime's reason is passed on in one line; folders of the server are not."""
    session = onnx_models.session(tmp_path, onnx_models.lookup(), "lookup/4")
    with pytest.raises(InferenceFailed) as failed:
        session.run({"x": np.array([9])})
    assert failed.value.message.startswith("lookup/4 cannot answer this: ")
    assert "out of data bounds" in failed.value.message
    assert "\n" not in failed.value.message
    assert str(tmp_path) not in failed.value.message
    assert failed.value.__cause__ is None


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x09"])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    """The message names the version and the file."""
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(RepositoryError, match=r"^m/1: ONNX Runtime cannot load model\.onnx: "):
        Session(path, "m/1")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """As a sentence, not as a stack trace."""
    with pytest.raises(RepositoryError, match=r"^m/1: ONNX Runtime cannot load model\.onnx: "):
        Session(tmp_path / "model.onnx", "m/1")


def test_a_model_of_sequences_is_refused(tmp_path: Path) -> None:
    """The protocol carries plain tensors only; the message says how to export such."""
    sequence = helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(
        [helper.make_node("SequenceConstruct", ["x"], ["y"])],
        "test",
        [onnx_models.value("x", "FP32", ("N",))],
        [sequence],
    )
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    with pytest.raises(RepositoryError, match=r'm/1: "y" is a seq\(tensor\(float\)\).*zipmap off'):
        Session(path, "m/1")
