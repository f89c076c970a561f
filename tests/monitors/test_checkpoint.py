"""Checkpoints are exact, and nothing else is taken for one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from monitors.checkpoint import pack, unpack
from monitors.errors import CheckpointRefused
from monitors.measurement import Measurement
from monitors.tally import Tally
from monitors.worst import Worst

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(PLAIN)
def test_plain_trees_come_back(tree: object) -> None:
    """Whatever they hold, keys that look like marks included."""
    assert unpack(pack(tree)) == tree


@given(arrays.arrays(st.sampled_from([np.int64, np.float64, np.bool_]), arrays.array_shapes(min_side=0)))
def test_arrays_come_back_bit_by_bit(array: np.ndarray) -> None:
    """Type, shape, NaN payloads; and one may write to them."""
    found = unpack(pack([array]))[0]
    assert (found.dtype, found.shape, found.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert found.flags.writeable


def test_tallies_and_measurements_come_back() -> None:
    """NaN and infinite values too."""
    tally, worst = Tally(2), Worst(2, [(3.0, "a"), (math.inf, "b")])
    tally.add(["a", "a", "b", "c"])
    measurement = Measurement("drift", "x", "psi", math.nan, 3, (-math.inf, 1.0), False, 0.5, True, {"ids": ["a", 1]})
    again, last, found = unpack(pack([tally, worst, measurement]))
    assert (again.capacity, again.counts, again.dropped) == (2, tally.counts, tally.dropped)
    assert last == worst
    assert math.isnan(found.value)
    assert (found.key, found.interval, found.enough, found.p, found.matters) == (
        measurement.key,
        (-math.inf, 1.0),
        False,
        0.5,
        True,
    )
    assert found.detail == {"ids": ["a", 1]}


@pytest.mark.parametrize(
    "data",
    [b"", b"PK\x03\x04 something else", pack([1])[:-4], b"DGM2garbage", pack([np.arange(9)])[:20]],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    """With a sentence, whatever is wrong with them."""
    with pytest.raises(CheckpointRefused, match="checkpoint: "):
        unpack(data)
