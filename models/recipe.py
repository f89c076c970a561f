"""What every recipe shares: writing a version of a model, and refusing to change one that is there."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import yaml
from numpy.typing import NDArray

from gateway.manifest import Column, Lineage, Manifest, read_manifest
from gateway.profile import schema_of
from monitors.record import Batch
from monitors.reference import Reference
from monitors.rehearsal import rehearse

Rows = Mapping[str, NDArray[Any]]
TOLERANCE = 1e-4
PACKAGES = ("numpy", "onnx", "scikit-learn")


@dataclass(frozen=True)
class Trained:
    """A version as its recipe made it.

    model: the ONNX file. requests: the inputs of each golden request. card: Markdown, for people.
    """

    manifest: Manifest
    model: bytes
    reference: Reference
    requests: tuple[Rows, ...]
    card: str


def main(recipe: Callable[[int], Trained], versions: Sequence[int]) -> None:
    """The command line of a recipe: `train.py --version 1 --output DIR` makes DIR/1."""
    parser = argparse.ArgumentParser(description="Trains a version of this model again.")
    parser.add_argument("--version", type=int, choices=versions, default=versions[0])
    parser.add_argument("--output", type=Path, required=True, help="the version becomes a directory in this one")
    arguments = parser.parse_args()
    directory = arguments.output / str(arguments.version)
    try:
        vacant(directory)
        write(recipe(arguments.version), directory)
    except FileExistsError as problem:
        parser.exit(1, f"{problem}\n")


def vacant(directory: Path) -> None:
    """Raises FileExistsError if there is a version already."""
    if directory.exists():
        raise FileExistsError(f"{directory}: found a version, and a version is immutable once made; make the next one")


def write(trained: Trained, directory: Path) -> None:
    """Writes model.onnx, model.yaml, reference.npz, golden.json and card.md. Raises FileExistsError."""
    vacant(directory)
    # Whole or not at all: a gateway may be watching the repository.
    partial = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / "model.onnx").write_bytes(trained.model)
    signed = trained.manifest.model_copy(update={"sha256": hashlib.sha256(trained.model).hexdigest()})
    content = signed.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    (partial / "model.yaml").write_text(text, encoding="utf-8")
    read_manifest(partial / "model.yaml")
    trained.reference.save(partial / "reference.npz")
    golden = [_golden(signed, trained.model, rows) for rows in trained.requests]
    lines = ",\n".join(json.dumps(request, ensure_ascii=False, allow_nan=False) for request in golden)
    (partial / "golden.json").write_text(f'{{"requests": [\n{lines}\n]}}\n', encoding="utf-8")
    (partial / "card.md").write_text(trained.card.strip() + "\n", encoding="utf-8")
    partial.rename(directory)


def predict(model: bytes, rows: Rows) -> dict[str, NDArray[Any]]:
    """The outputs of the model by name, on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(rows)), strict=True))


def typed(table: pa.Table, columns: Sequence[Column]) -> dict[str, NDArray[Any]]:
    """The model's inputs [n, 1] out of a table with a column for each; null numbers are NaN."""
    dtypes: dict[str, Any] = {"BYTES": object, "FP32": np.float32, "INT64": np.int64, "BOOL": np.bool_}
    rows = {}
    for column in columns:
        values = table[column.name].to_numpy()
        rows[column.name] = values.astype(dtypes[column.datatype])[:, None]
    return rows


def take(rows: Rows, which: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The chosen rows of every input: places, or a mask."""
    return {name: values[which] for name, values in rows.items()}


def times(table: pa.Table) -> NDArray[np.int64]:
    """When each row was, from column `time`: ns since the epoch."""
    found: NDArray[np.int64] = table["time"].to_numpy().astype("datetime64[ns]").astype(np.int64)
    return found


def reference(
    manifest: Manifest,
    rows: Rows,
    answers: Rows,
    labels: NDArray[Any],
    unseen: NDArray[np.bool_],
    when: NDArray[np.int64] | None = None,
) -> Reference:
    """The reference of all `rows`; how good answers are is told by `unseen` rows only, which the model was not fitted on.

    when: the times of the rows, where they have any.
    """
    schema = schema_of(manifest)
    columns = {name: values[:, 0] if values.shape[1] == 1 else values for name, values in rows.items()}
    if manifest.prediction:
        columns[f"output.{manifest.prediction}"] = answers[manifest.prediction].ravel()
    score = answers[manifest.score or ""]
    score = score[:, 0] if score.shape[1] == 1 else score
    mask = unseen.reshape(-1, *[1] * (score.ndim - 1))
    built = Reference.build(columns, schema, np.where(mask, score.astype(np.float64), np.nan), labels)
    batch = Batch(
        np.zeros(len(unseen), np.int64) if when is None else when,
        np.arange(len(unseen)).astype(str).astype(object),
        columns,
        score.astype(np.float64),
        answers[manifest.prediction].ravel() if manifest.prediction else None,
        labels,
    )
    return rehearse(built, batch, manifest.groups, unseen)


def lineage(recipe: Path, data: str, sha256: str, **facts: Any) -> Lineage:
    """Where a version came from; `recipe` is its train.py, and `facts` are the other fields of Lineage."""
    name = f"{recipe.parent.name}/{recipe.name}"
    packages = {package: metadata.version(package) for package in PACKAGES}
    return Lineage(
        recipe=name,
        data=data,
        data_sha256=sha256,
        code_revision=_revision(recipe),
        packages=packages,
        **facts,
    )


def file_sha256(path: Path) -> str:
    """The hash of a file, as lower-case hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def held_out(rows: int, share: float, seed: int) -> NDArray[np.bool_]:
    """bool [rows]: a random `share` of the rows, which the model is not fitted on."""
    chosen = np.zeros(rows, bool)
    chosen[np.random.default_rng(seed).permutation(rows)[: round(rows * share)]] = True
    return chosen


def _golden(manifest: Manifest, model: bytes, rows: Rows) -> dict[str, Any]:
    answers = predict(model, rows)
    inputs = [_tensor(column, rows[column.name]) for column in manifest.inputs]
    outputs = [_tensor(column, answers[column.name]) for column in manifest.outputs]
    return {"request": {"inputs": inputs}, "response": {"outputs": outputs}, "tolerance": TOLERANCE}


def _tensor(column: Column, array: NDArray[Any]) -> dict[str, Any]:
    """A tensor as OIP v2 JSON has it; null where FP32 is NaN."""
    flat = [None if isinstance(value, float) and math.isnan(value) else value for value in array.ravel().tolist()]
    return {"name": column.name, "datatype": column.datatype, "shape": list(array.shape), "data": flat}


def _revision(recipe: Path) -> str:
    """The commit that the recipe comes from; empty where there is none, or where the recipe was changed since."""
    try:
        _git(recipe, "ls-files", "--error-unmatch", recipe.name)
        _git(recipe, "diff", "--quiet", "HEAD", "--", "..")
        return _git(recipe, "rev-parse", "HEAD")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(recipe: Path, *arguments: str) -> str:
    command = ["git", "-C", str(recipe.parent), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
