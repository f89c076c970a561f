"""`model.yaml`: what a version of a model says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.document import Frozen, document
from gateway.errors import RepositoryError

Datatype = Literal[
    "BOOL",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "FP16",
    "BF16",
    "FP32",
    "FP64",
    "BYTES",
]
Task = Literal["binary", "multiclass", "regression", "other"]
Stage = Literal["development", "production", "archived"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]


class Column(Frozen):
    """One input or output of the model, as ONNX declares it.

    shape uses -1 for a dimension of any size; the first is the batch. `categories` lists the strings or numbers that the
    training data held, for inputs that are not quantities; `unit` is for people.
    """

    name: str
    datatype: Datatype
    shape: tuple[Annotated[int, Field(ge=-1)], ...]
    description: str = ""
    unit: str = ""
    categories: tuple[str | int | bool, ...] = ()


class Lineage(Frozen):
    """Where the version came from: enough to make it again.

    `metrics` were measured when it was trained, on rows that it had not seen.
    """

    recipe: str
    data: str
    data_sha256: str
    code_revision: str = ""
    seed: int
    rows: Annotated[int, Field(ge=0)]
    period: tuple[str, str] | None = None
    parameters: dict[str, str | int | float | bool | None] = {}
    metrics: dict[str, float] = {}
    packages: dict[str, str] = {}


class Manifest(Frozen):
    """A version of a model. `score` and `prediction` name outputs, `groups` name inputs or request parameters.

    `score` is the probability of the positive class (binary), of each class (multiclass), or the predicted value
    (regression); `prediction` is the class. `max_batch_size` 0 means that requests are never merged.
    """

    name: Name
    version: Annotated[int, Field(ge=1)]
    task: Task = "other"
    description: str = ""
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    score: str | None = None
    prediction: str | None = None
    classes: tuple[str | int, ...] = ()
    groups: tuple[str, ...] = ()
    max_batch_size: Annotated[int, Field(ge=0, le=65536)] = 0
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    lineage: Lineage | None = None
    owner: str = ""
    licence: str = ""
    stage: Stage = "production"

    @model_validator(mode="after")
    def _names_exist(self) -> Manifest:
        for kind, columns in (("inputs", self.inputs), ("outputs", self.outputs)):
            names = [column.name for column in columns]
            if len(set(names)) < len(names):
                raise ValueError(f"{kind}: each name may stand once, found {names}")
        outputs = {column.name for column in self.outputs}
        for key in ("score", "prediction"):
            value = getattr(self, key)
            if value is not None and value not in outputs:
                raise ValueError(f"{key} names output {value!r}, but the outputs are {sorted(outputs)}")
        return self

    @property
    def label(self) -> str:
        """How messages name the version: `flights/2`."""
        return f"{self.name}/{self.version}"


def read_manifest(path: Path) -> Manifest:
    """The manifest at `path`. Raises RepositoryError, naming file, line and key."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise RepositoryError(f"{path}: cannot be read: {problem}") from None
    return document(text, Manifest, path, RepositoryError)
