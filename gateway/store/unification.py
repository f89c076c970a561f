"""One schema for rows of several versions."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pyarrow as pa
import pyarrow.compute as pc


def unified(schemas: Iterable[pa.Schema]) -> pa.Schema:
    """All columns of the schemas, each of a type that holds its values in all of them; order of first appearance.

    Numbers of two types become double, or int64 if both are integers that fit; lists go by their elements; whatever else
    differs becomes text.

    >>> first, second = pa.schema({"age": pa.int64(), "name": pa.string()}), pa.schema({"age": pa.float32()})
    >>> unified([first, second]).types
    [DataType(double), DataType(string)]
    """
    found: dict[str, pa.DataType] = {}
    for schema in schemas:
        for field in schema:
            found[field.name] = _wider(found.get(field.name, field.type), field.type)
    return pa.schema(found)


def fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table in a schema that `unified` made: columns that it lacks are null."""
    arrays = []
    for field in schema:
        if field.name in table.schema.names:
            arrays.append(_cast(table.column(field.name), field.type))
        else:
            arrays.append(pa.nulls(len(table), field.type))
    return pa.table(arrays, schema=schema)


def _wider(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    if first.equals(second):
        return first
    if pa.types.is_list(first) and pa.types.is_list(second):
        return pa.list_(_wider(first.value_type, second.value_type))
    kinds = (first, second)
    if all(pa.types.is_integer(kind) for kind in kinds) and not any(kind.equals(pa.uint64()) for kind in kinds):
        return pa.int64()
    if all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds):
        return pa.float64()
    return pa.string()


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type.equals(kind):
        return column
    if pa.types.is_list(column.type) and not pa.types.is_list(kind):
        texts = [None if row is None else msgspec.json.encode(row).decode() for row in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    return pc.cast(column, kind, safe=False)
