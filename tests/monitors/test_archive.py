"""The file: it gives back what was saved, the same bytes for the same data, and nothing else is read."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors import archive
from monitors.errors import ReferenceRefused
from monitors.reference import Reference
from monitors.schema import ColumnSpec, Schema


def test_round_trip_gives_the_same_bytes(reference: Reference, tmp_path: Path) -> None:
    """What is loaded is what was saved, down to the last bit."""
    reference.save(tmp_path / "reference.npz")
    loaded = Reference.load(tmp_path / "reference.npz")
    assert archive.pack(loaded) == (tmp_path / "reference.npz").read_bytes()
    assert loaded.schema == reference.schema
    assert loaded.rows == 400


def test_the_same_data_gives_the_same_bytes(reference: Reference, example: Any) -> None:
    """Two builds from equal data are equal files."""
    assert archive.pack(Reference.build(*example())) == archive.pack(reference)
    assert archive.pack(Reference.build(*example(seed=1))) != archive.pack(reference)


def test_file_opens_without_pickle_and_is_small(reference: Reference) -> None:
    """Nothing in the file needs unpickling, and four columns with scores take less than 60 kB."""
    data = archive.pack(reference)
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        assert all(file[name].dtype.kind in "iuf" for name in file.files)
    assert len(data) < 60_000


@given(st.lists(st.text(max_size=4), min_size=1, max_size=20))
def test_any_text_survives_the_file(values: list[str]) -> None:
    """Categories of any text, NUL and lone quotes among them, come back as they were."""
    column = np.array([*values, None], object)
    built = Reference.build({"a": column}, Schema((ColumnSpec("a", "categorical"),)))
    outline = json.loads(np.load(io.BytesIO(archive.pack(built)))["outline"].tobytes())
    assert tuple(outline["root"]["columns"][0]["values"]) == tuple(sorted({v for v in values if v}))


def test_columns_may_have_any_name(tmp_path: Path) -> None:
    """A column's name never becomes a path inside the file."""
    name = "../a/b\0.npy"
    built = Reference.build({name: np.arange(5.0)}, Schema((ColumnSpec(name, "numeric"),)))
    built.save(tmp_path / "r.npz")
    assert Reference.load(tmp_path / "r.npz").schema.columns[0].name == name
    assert not any("b" in entry.removesuffix(".npy") for entry in zipfile.ZipFile(tmp_path / "r.npz").namelist())


def rewritten(reference: Reference, change: Any) -> bytes:
    """The file of a reference whose outline was changed."""
    with np.load(io.BytesIO(archive.pack(reference))) as file:
        content = {name: file[name] for name in file.files}
    outline = json.loads(content["outline"].tobytes())
    change(outline)
    content["outline"] = np.frombuffer(json.dumps(outline).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda outline: outline.update(format=99), "found format 99, expected 1 or 2"),
        (lambda outline: outline.update(root={"is": "Numeric"}), "found a Numeric, expected a Reference"),
        (lambda outline: outline["root"].pop("rows"), "damaged, .*rows"),
        (lambda outline: outline["root"].update(more=1), "damaged, .*more"),
        (lambda outline: outline["root"]["columns"].pop(), "found 3 profiles, expected 4"),
        (lambda outline: outline["root"]["schema"].update(task="x"), "task 'x'"),
        (lambda outline: outline["root"]["columns"][0]["edges"].update(array="a999"), "damaged, 'a999'"),
        (lambda outline: outline["root"]["columns"][0]["edges"].update(dtype="<f4"), "found dtype <f8, expected <f4"),
    ],
)
def test_damaged_files_are_refused(reference: Reference, tmp_path: Path, change: Any, message: str) -> None:
    """A file of another format, or one that was cut up, is refused with its name and the reason."""
    (tmp_path / "r.npz").write_bytes(rewritten(reference, change))
    with pytest.raises(ReferenceRefused, match=rf"r\.npz: .*{message}"):
        Reference.load(tmp_path / "r.npz")


def test_older_files_are_read(reference: Reference, tmp_path: Path) -> None:
    """A file of the first format, without the parts that came later, loads without them."""

    def older(outline: Any) -> None:
        outline.update(format=1)
        for name in ("outliers", "natural"):
            outline["root"].pop(name)

    (tmp_path / "r.npz").write_bytes(rewritten(reference, older))
    loaded = Reference.load(tmp_path / "r.npz")
    assert (loaded.outliers, loaded.natural) == (None, ())
    assert loaded.rows == reference.rows


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut short"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    """What is not an .npz file at all is called that."""
    (tmp_path / "r.npz").write_bytes(content)
    with pytest.raises(ReferenceRefused, match=r"not an \.npz file"):
        Reference.load(tmp_path / "r.npz")


def test_other_archives_and_pickles_are_refused(tmp_path: Path) -> None:
    """An .npz without an outline is refused, and one that holds a pickle is never unpickled."""
    np.savez(tmp_path / "plain.npz", a=np.ones(3))
    with pytest.raises(ReferenceRefused, match="found no outline"):
        Reference.load(tmp_path / "plain.npz")
    np.savez(tmp_path / "pickle.npz", outline=np.array([{"a": 1}], object))
    with pytest.raises(ReferenceRefused, match="allow_pickle=False"):
        Reference.load(tmp_path / "pickle.npz")
    with pytest.raises(ReferenceRefused, match="no such file"):
        Reference.load(tmp_path / "none.npz")
