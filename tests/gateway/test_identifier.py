"""Request ids."""

from __future__ import annotations

import time
import uuid

from hypothesis import given
from hypothesis import strategies as st

from gateway.identifier import format_uuid7, uuid7


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_every_id_is_a_uuid_of_version_7(milliseconds: int, noise: bytes) -> None:
    """As RFC 9562 has it: time first, version and variant in their places."""
    made = uuid.UUID(format_uuid7(milliseconds, noise))
    assert (made.int >> 80, made.version, made.variant) == (milliseconds, 7, uuid.RFC_4122)
    assert str(made) == format_uuid7(milliseconds, noise)


@given(st.integers(0, 2**48 - 2), st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_ids_sort_by_time(milliseconds: int, early: bytes, late: bytes) -> None:
    """A later millisecond is a larger string."""
    assert format_uuid7(milliseconds, early) < format_uuid7(milliseconds + 1, late)


def test_ids_differ_and_carry_the_time() -> None:
    """A thousand at once, all of now."""
    before = time.time_ns() // 1_000_000
    made = {uuid7() for _ in range(1000)}
    after = time.time_ns() // 1_000_000
    assert len(made) == 1000
    assert all(before <= uuid.UUID(one).int >> 80 <= after for one in made)
