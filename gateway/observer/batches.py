"""Recorded answers as the monitors take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.record import Answers, Field
from gateway.tensor import Array, bf16_to_fp32
from monitors.record import OUTPUT, Batch, scores_of


def batch(answers: Answers, labels: Sequence[Any] | None = None, label_time: NDArray[np.int64] | None = None) -> Batch:
    """The rows as a batch: what an export of them would give (see monitors.log).

    What was not recorded is missing; inputs that are hashed, or whose width varies, are left out. Times are cut to µs, as
    they are in the store.
    """
    layout = answers.layout
    columns = {
        field.name: _values(answers.inputs[field.name], field, answers.absent.get(field.name))
        for field in layout.inputs
        if not field.hashed and -1 not in layout.tail(field) and field.name in answers.inputs
    }
    outputs = {field.name: field for field in layout.outputs if not field.hashed and -1 not in layout.tail(field)}
    answered = {
        name: _values(answers.outputs[name], outputs[name], answers.absent.get(OUTPUT + name))
        for name in {layout.score, layout.prediction}
        if name in outputs and name in answers.outputs
    }
    predictions = answered.get(layout.prediction or "")
    if predictions is not None:
        columns[OUTPUT + str(layout.prediction)] = predictions
    groups = {name: columns[name] for name in layout.groups if name in columns}
    return Batch(
        answers.time // 1000 * 1000,
        _objects(answers.request_id),
        columns,
        scores_of(answered.get(layout.score or ""), layout.task),
        predictions,
        None if labels is None else _objects(labels),
        groups | {name: _objects([_text(value) for value in values]) for name, values in answers.groups.items()},
        label_time,
        answers.absent.get(f"{OUTPUT}{layout.score}"),
    )


def _values(found: Array, field: Field, absent: NDArray[np.bool_] | None) -> NDArray[Any]:
    """[n] or [n, width]; what is absent becomes NaN or None."""
    values: NDArray[Any] = bf16_to_fp32(found) if field.datatype == "BF16" else found
    if absent is not None and values.dtype.kind in "iub":
        values = values.astype(np.float64)
    if absent is not None and values.dtype != object:
        values = np.where(absent.reshape(-1, *(1,) * (values.ndim - 1)), np.nan, values)
    return values.reshape(len(values), -1) if values.ndim > 1 else values


def _text(value: Any) -> str | None:
    """A request parameter as the store keeps it."""
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    array = np.empty(len(values), object)
    array[:] = values
    return array
