"""Content-Encoding, both ways."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest, BodyTooLarge
from gateway.wire.compression import choose, pack, unpack


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "deflate"]))
def test_unpacking_undoes_packing(body: bytes, encoding: str) -> None:
    """For any body, with a limit that it just meets."""
    assert unpack(pack(body, encoding), encoding, max(1, len(body))) == body


@given(st.binary(min_size=1, max_size=2000), st.sampled_from(["gzip", "deflate"]))
def test_one_byte_beyond_the_limit_is_too_much(body: bytes, encoding: str) -> None:
    """The limit is of what is unpacked, not of what is sent."""
    with pytest.raises(BodyTooLarge):
        unpack(pack(body, encoding), encoding, len(body) - 1)


def test_other_packers_are_understood() -> None:
    """Python's gzip, zlib, and deflate without its header, which some clients send."""
    body = b"abc" * 100
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    assert unpack(gzip.compress(body), "gzip", 1000) == body
    assert unpack(zlib.compress(body), "deflate", 1000) == body
    assert unpack(raw.compress(body) + raw.flush(), "deflate", 1000) == body
    assert unpack(body, "identity", 1) == unpack(body, "", 1) == body


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate"]))
def test_damaged_data_is_refused(body: bytes, encoding: str) -> None:
    """Cut short, with something behind it, or nonsense."""
    packed = pack(b"something to unpack", encoding)
    for damaged in (packed[:-1], packed + b"x", packed[: len(packed) // 2], b""):
        with pytest.raises(BadRequest, match=rf"^the body is not valid {encoding} data$"):
            unpack(damaged, encoding, 1000)
    with contextlib.suppress(BadRequest):
        unpack(body, encoding, 1000)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x" * 1000])
def test_other_encodings_are_refused(encoding: str) -> None:
    """The message is short whatever was sent."""
    with pytest.raises(BadRequest, match=r"^Content-Encoding: found ") as refused:
        unpack(b"", encoding, 10)
    assert len(refused.value.message) < 200


def test_a_bomb_does_not_fill_the_memory() -> None:
    """A megabyte that claims to be a gigabyte: unpacking ends at the limit."""
    bomb = gzip.compress(bytes(200 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            unpack(bomb, "gzip", 1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", ""),
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("GZIP", "gzip"),
        ("br, gzip", "gzip"),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip"),
        ("gzip;q=0", ""),
        ("gzip; q=0.000", ""),
        ("gzip;q=0, deflate", "deflate"),
        ("gzip;q=0.001", "gzip"),
        ("identity", ""),
        ("gzipped", ""),
        (";;,,", ""),
    ],
)
def test_the_first_encoding_that_both_know_is_chosen(accepted: str, encoding: str) -> None:
    """One that is refused by q=0 is not."""
    assert choose(accepted) == encoding
