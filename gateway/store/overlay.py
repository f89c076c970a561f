"""Labels that came after the file was written, laid over its rows as they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gateway.store.columns import LABEL, LABEL_TIME, Label
from gateway.store.rows import timestamps

Labels = Mapping[int, tuple[Label, int]]
"""Label and its time, ns since the epoch, by row."""


def groups(path: Path, labels: Labels, wanted: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The row groups of a file, those columns of them (None: all), with the labels of its rows."""
    first = 0
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=None if wanted is None else list(wanted), use_threads=False)
            yield overlaid(table, labels, first)
            first += len(table)


def overlaid(table: pa.Table, labels: Labels, first: int = 0) -> pa.Table:
    """The table, whose rows begin at `first` of the file, with the labels in place of those that it has."""
    if not labels or LABEL not in table.schema.names:
        return table
    rows = [row for row in sorted(labels) if first <= row < first + len(table)]
    if not rows:
        return table
    mask = np.zeros(len(table), np.bool_)
    mask[np.array(rows) - first] = True
    kind = table.schema.field(LABEL).type
    values = {
        LABEL: pa.array([labels[row][0] for row in rows], kind),
        LABEL_TIME: timestamps([labels[row][1] for row in rows]),
    }
    for name, replacements in values.items():
        if name in table.schema.names:
            place = table.schema.get_field_index(name)
            column = pc.replace_with_mask(table.column(name), pa.array(mask), replacements)
            table = table.set_column(place, table.schema.field(place), column)
    return table
