"""Models as they lie on disk."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.config import Config, ModelConfig
from gateway.errors import RepositoryError
from gateway.repository import DEFAULT_BATCH, check_hash, check_reference, describe, scan, served, signature_of
from gateway.session import Session
from tests import onnx_models


def lay(root: Path, *versions: str, **more: Any) -> None:
    """Puts y = 2x at each `model/version`, with a manifest."""
    for label in versions:
        name, number = label.split("/")
        made = onnx_models.scale()
        onnx_models.save(root, name, int(number), made, manifest=onnx_models.declared(name, int(number), made, **more))


def labels(found: dict[str, dict[int, Any]]) -> list[str]:
    """What was found, as `model/version`."""
    return [folder.label for versions in found.values() for folder in versions.values()]


def test_versions_are_folders_named_by_numbers(tmp_path: Path) -> None:
    """In the order of models' names and versions' numbers; all other folders and files are let be."""
    lay(tmp_path, "b/10", "b/9", "a/1")
    for other in ("b/01", "b/0", "b/two", "b/-1", "b/٣", "_drafts/1", ".git/1", "empty"):
        (tmp_path / other).mkdir(parents=True)
    (tmp_path / "b" / "11").write_text("a file")
    (tmp_path / "NOTICE.md").write_text("a file")
    assert labels(scan(tmp_path)) == ["a/1", "b/9", "b/10"]


def test_a_repository_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The message says which key names it."""
    with pytest.raises(RepositoryError, match="no such folder; the configuration's `repository`"):
        scan(tmp_path / "models")


@pytest.mark.parametrize("name", [b"m\xff", "m\u202e".encode(), b"m\n"])
def test_a_name_that_cannot_be_printed_is_refused(tmp_path: Path, name: bytes) -> None:
    """It would be a label that Prometheus cannot have, or a line in a log that lies."""
    lay(tmp_path, "a/1")
    (tmp_path / "a").rename(tmp_path / os.fsdecode(name))
    with pytest.raises(RepositoryError, match="cannot be printed; rename it"):
        scan(tmp_path)


def test_a_stamp_changes_with_any_file(tmp_path: Path) -> None:
    """Content of the same size, a new file, a file that went: each makes a new stamp; looking does not."""
    lay(tmp_path, "a/1")
    path = tmp_path / "a" / "1"

    def stamp() -> str:
        return scan(tmp_path)["a"][1].stamp

    stamps = [stamp()]
    assert stamp() == stamps[0]
    (path / "golden.json").write_text("{}")
    stamps.append(stamp())
    os.utime(path / "golden.json", ns=(1, 1))
    stamps.append(stamp())
    (path / "golden.json").unlink()
    stamps.append(stamp())
    assert stamps[3] == stamps[0]
    assert len(set(stamps)) == 3


def test_everything_but_archived_versions_is_served(tmp_path: Path) -> None:
    """Unless the configuration says more."""
    lay(tmp_path, "a/1", "b/1")
    lay(tmp_path, "a/2", stage="archived")
    assert labels(served(Config(repository=tmp_path))) == ["a/1", "b/1"]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (ModelConfig(), ["a/1", "a/3"]),
        (ModelConfig(versions=(2,)), ["a/2"]),
        (ModelConfig(versions=(3, 1)), ["a/3", "a/1"]),
        (ModelConfig(traffic={2: 1}), ["a/1", "a/2", "a/3"]),
    ],
)
def test_the_configuration_may_choose_versions(tmp_path: Path, settings: ModelConfig, wanted: list[str]) -> None:
    """An archived version is served where it is named, in versions or in traffic."""
    lay(tmp_path, "a/1", "a/3", "b/1")
    lay(tmp_path, "a/2", stage="archived")
    assert labels(served(Config(repository=tmp_path, models={"a": settings}))) == wanted


@pytest.mark.parametrize(
    ("models", "sentence"),
    [
        ({"c": ModelConfig()}, "model c is configured, but {root} holds only a"),
        ({"a": ModelConfig(versions=(2,))}, "version a/2 is configured, but {root}/a holds only 1"),
        ({"a": ModelConfig(traffic={3: 1})}, "version a/3 is configured, but {root}/a holds only 1"),
    ],
)
def test_what_is_configured_must_be_there(tmp_path: Path, models: dict[str, ModelConfig], sentence: str) -> None:
    """A typing error does not leave a model out in silence."""
    lay(tmp_path, "a/1")
    with pytest.raises(RepositoryError, match=f"^{re.escape(sentence.format(root=tmp_path))}$"):
        served(Config(repository=tmp_path, models=models))


@pytest.mark.parametrize("content", [b"stage: [", b"\xff"])
def test_a_broken_manifest_does_not_stop_the_others(tmp_path: Path, content: bytes) -> None:
    """It is wanted, and loading it will say what is wrong."""
    lay(tmp_path, "a/1", "b/1")
    (tmp_path / "a" / "1" / "model.yaml").write_bytes(content)
    assert labels(served(Config(repository=tmp_path))) == ["a/1", "b/1"]


def test_a_manifest_that_fits_its_model_describes_it(tmp_path: Path) -> None:
    """The order of the columns does not matter."""
    made = onnx_models.arithmetic()
    manifest = onnx_models.declared("m", 1, made, owner="us")
    manifest["inputs"].reverse()
    folder = onnx_models.save(tmp_path, "m", 1, made, manifest=manifest)
    described = describe(folder, Session(folder.path / "model.onnx", folder.label))
    assert described.owner == "us"
    assert signature_of(described).batched


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "n"}, "m/1: model.yaml says that it is n/1"),
        ({"version": 2}, "m/1: model.yaml says that it is m/2"),
        ({"inputs": []}, "m/1: model.yaml has the inputs [], but model.onnx has ['x']"),
        (
            {"outputs": [{"name": "z", "datatype": "FP32", "shape": [-1]}]},
            "m/1: model.yaml has the outputs ['z'], but model.onnx has ['y']",
        ),
        (
            {"inputs": [{"name": "x", "datatype": "FP64", "shape": [-1, 2]}]},
            "m/1: input x is FP64 [-1, 2] in model.yaml, but FP32 [-1, 2] in model.onnx",
        ),
        (
            {"outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 3]}]},
            "m/1: output y is FP32 [-1, 3] in model.yaml, but FP32 [-1, 2] in model.onnx",
        ),
    ],
)
def test_a_manifest_that_differs_from_its_model_is_refused(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    """The message says where, and shows both sides."""
    made = onnx_models.scale()
    folder = onnx_models.save(tmp_path, "m", 1, made, manifest=onnx_models.declared("m", 1, made, **change))
    with pytest.raises(RepositoryError, match=f"^{re.escape(sentence)}$"):
        describe(folder, Session(folder.path / "model.onnx", folder.label))


@pytest.mark.parametrize(
    ("kind", "batch"),
    [("arithmetic", DEFAULT_BATCH), ("mean", 0), ("fixed", 0), ("unnamed", 0)],
)
def test_without_a_manifest_the_model_speaks_for_itself(tmp_path: Path, kind: str, batch: int) -> None:
    """A repository laid out for Triton: merged only if every tensor names its first dimension alike."""
    made = {
        "arithmetic": onnx_models.arithmetic(),
        "mean": onnx_models.mean(),
        "fixed": onnx_models.identity(shape=(1, 2)),
        "unnamed": onnx_models.identity(shape=(None, 2)),
    }[kind]
    folder = onnx_models.save(tmp_path, "m", 7, made)
    manifest = describe(folder, Session(folder.path / "model.onnx", folder.label))
    assert (manifest.label, manifest.max_batch_size, manifest.stage) == ("m/7", batch, "production")


def test_the_hash_is_checked_if_the_manifest_has_one(tmp_path: Path) -> None:
    """A file that was changed on its way is not served."""
    made = onnx_models.scale()
    folder = onnx_models.save(tmp_path, "m", 1, made)
    check_hash(folder)
    digest = hashlib.sha256((folder.path / "model.onnx").read_bytes()).hexdigest()
    onnx_models.save(tmp_path, "m", 1, made, manifest=onnx_models.declared("m", 1, made, sha256=digest))
    check_hash(folder)
    with (folder.path / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(RepositoryError, match=f"^m/1: model.onnx has sha256 .*, but model.yaml says {digest}$"):
        check_hash(folder)


def test_a_version_without_its_model_is_refused(tmp_path: Path) -> None:
    """A manifest alone is not a version."""
    made = onnx_models.scale()
    folder = onnx_models.save(tmp_path, "m", 1, made, manifest=onnx_models.declared("m", 1, made, sha256="0" * 64))
    (folder.path / "model.onnx").unlink()
    with pytest.raises(RepositoryError, match=r"^m/1: model\.onnx cannot be read: No such file"):
        check_hash(folder)


def test_a_link_to_nowhere_does_not_stop_the_others(tmp_path: Path) -> None:
    """The version that has it is found too; loading it says what is wrong."""
    for number in (1, 2):
        onnx_models.save(tmp_path, "a", number, onnx_models.scale())
    (tmp_path / "a" / "2" / "model.onnx").unlink()
    (tmp_path / "a" / "2" / "model.onnx").symlink_to(tmp_path / "nowhere")
    assert list(scan(tmp_path)["a"]) == [1, 2]


def test_a_folder_whose_name_is_no_models_is_refused(tmp_path: Path) -> None:
    """It could not stand in a path or in the name of a deployment."""
    onnx_models.save(tmp_path, "my model", 1, onnx_models.scale())
    folder = scan(tmp_path)["my model"][1]
    with pytest.raises(RepositoryError, match=r"^my model/1: the folder's name cannot be a model's: "):
        describe(folder, Session(folder.path / "model.onnx", folder.label))


def test_a_reference_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Monitors would only find out when it is needed; none at all is fine."""
    folder = onnx_models.save(tmp_path, "scale", 1, onnx_models.scale())
    check_reference(folder)
    (folder.path / "reference.npz").write_bytes(b"not an archive")
    with pytest.raises(RepositoryError, match="scale/1: "):
        check_reference(folder)
