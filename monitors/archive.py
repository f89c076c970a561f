"""Trees of frozen values in one `.npz` file: a JSON outline, and the arrays it points to. Nothing is ever unpickled."""

from __future__ import annotations

import dataclasses
import io
import json
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from monitors.errors import ReferenceRefused

FORMAT = 2
"""Goes up whenever an older reader would misread the file, or not know a field of it."""

READABLE = (1, 2)
"""A field that an older file lacks has its default."""


def pack(root: Any) -> bytes:
    """The bytes of the file; the same for the same tree.

    root: a dataclass whose fields are dataclasses, arrays, tuples, strings, numbers, booleans or None.
    """
    arrays: dict[str, Any] = {}
    outline = {"format": FORMAT, "root": _pack(root, arrays)}
    text = json.dumps(outline, ensure_ascii=True, separators=(",", ":")).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in {"outline": np.frombuffer(text, np.uint8), **arrays}.items():
            entry = zipfile.ZipInfo(f"{name}.npy")  # dated 1980, not now: the same tree gives the same bytes
            entry.compress_type = zipfile.ZIP_DEFLATED
            with file.open(entry, "w") as stream:
                np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def unpack(path: Path, kinds: Mapping[str, type[Any]], root: str) -> Any:
    """The tree in the file at `path`, its dataclasses looked up in `kinds` by name; the top one must be `root`.

    Raises ReferenceRefused if the file is not of this form or this format.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (
        ValueError,
        OSError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        tokenize.TokenError,
        AttributeError,
    ) as problem:
        if isinstance(problem, FileNotFoundError):
            raise ReferenceRefused(f"{path}: no such file") from None
        raise ReferenceRefused(f"{path}: not an .npz file: {problem}") from None
    outline = _outline(arrays.pop("outline", None), path)
    if outline.get("format") not in READABLE:
        expected = " or ".join(map(str, READABLE))
        raise ReferenceRefused(f"{path}: found format {outline.get('format')!r}, expected {expected}; make it again")
    top = outline.get("root")
    if not isinstance(top, dict) or top.get("is") != root:
        found = top.get("is") if isinstance(top, dict) else type(top).__name__
        raise ReferenceRefused(f"{path}: found a {found}, expected a {root}")
    try:
        return _unpack(top, arrays, kinds)
    except ReferenceRefused as problem:
        raise ReferenceRefused(f"{path}: {problem}") from None
    except (KeyError, TypeError, AttributeError) as problem:
        raise ReferenceRefused(f"{path}: damaged, {problem} is missing or of the wrong kind") from None


def _pack(value: Any, arrays: dict[str, Any]) -> Any:
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"array": name, "dtype": value.dtype.str}
    if dataclasses.is_dataclass(value):
        # A field that is not given to the constructor follows from the others.
        names = [field.name for field in dataclasses.fields(value) if field.init]
        return {"is": type(value).__name__, **{name: _pack(getattr(value, name), arrays) for name in names}}
    if isinstance(value, tuple):
        return [_pack(item, arrays) for item in value]
    return value


def _unpack(value: Any, arrays: Mapping[str, Any], kinds: Mapping[str, type[Any]]) -> Any:
    if isinstance(value, list):
        return tuple(_unpack(item, arrays, kinds) for item in value)
    if not isinstance(value, dict):
        return value
    if "array" in value:
        array = arrays[value["array"]]
        if array.dtype.str != value["dtype"]:
            raise ReferenceRefused(f"array {value['array']}: found dtype {array.dtype.str}, expected {value['dtype']}")
        return array
    fields = {name: _unpack(item, arrays, kinds) for name, item in value.items() if name != "is"}
    return kinds[value["is"]](**fields)


def _outline(array: Any, path: Path) -> dict[str, Any]:
    try:
        outline = json.loads(array.tobytes())
    except (AttributeError, ValueError):
        raise ReferenceRefused(f"{path}: found no outline, expected a file that Reference.save wrote") from None
    return outline if isinstance(outline, dict) else {}
