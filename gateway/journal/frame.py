"""What a journal is made of: frames, each a length, a CRC and a msgpack payload.

A payload is a msgpack array whose first element says what it is and in which version of its form; a new form gets a new
number, and readers keep the old ones.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, NamedTuple

import msgspec

from gateway.record import Layout

HEADER = struct.Struct("<II")
"""The length of the payload in bytes and its CRC-32, little-endian."""

MAGIC = b"DGJRNL01"
"""How a segment begins."""


class Declared(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """From here on in this segment, answers that name `number` have this layout."""

    number: int
    layout: Layout


class Answered(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    """An answered request. Times in ns, `at` since the epoch; `answered` is when its answer was ready.

    inputs, outputs: one for each field of the layout, in its order: the raw little-endian elements, or a list of str; where
    the field's own shape leaves a dimension open, a pair of the shape and these; None where it was not recorded.
    groups: those of the layout's groups that are no inputs, in its order.
    """

    at: int
    id: str
    trace: str | None
    layout: int
    shadow: bool
    route: str
    revision: int
    cohort: str | None
    rows: int
    queue: int
    compute: int
    total: int
    inputs: list[bytes | list[Any] | None]
    outputs: list[bytes | list[Any] | None]
    groups: list[str | int | float | bool | None]

    @property
    def ended(self) -> int:
        """When it was answered, ns since the epoch."""
        return self.at + self.total


class Refused(msgspec.Struct, frozen=True, array_like=True, tag=3, gc=False):
    """A request that was refused. version 0: none was chosen. model is the client's word, cut to 128 characters."""

    at: int
    id: str
    trace: str | None
    model: str
    version: int
    shadow: bool
    route: str
    status: int
    code: str
    total: int

    @property
    def ended(self) -> int:
        """When it was refused, ns since the epoch."""
        return self.at + self.total


class Lost(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """So many requests were answered or refused without a record, because the journal was full, between two times."""

    count: int
    since: int
    until: int


class Closed(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """The writer was told to stop; nothing follows, in this segment or another."""

    at: int


Frame = Declared | Answered | Refused | Lost | Closed

_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)


class Block(NamedTuple):
    """Whole frames, one after another; None for one of a form that is not known. ends: of each, from the block's start."""

    frames: list[Frame | None]
    ends: list[int]


def scan(block: memoryview) -> Block:
    """The frames in `block`, up to the first that is not there, not whole (yet), or damaged."""
    frames: list[Frame | None] = []
    ends: list[int] = []
    decode, unpack, crc32, head = _decoder.decode, HEADER.unpack_from, zlib.crc32, HEADER.size
    end, size = 0, len(block)
    while end + head <= size:  # 1.2 µs for each frame: kept in one loop
        length, crc = unpack(block, end)
        start = end + head
        end = start + length
        if not length or end > size:
            break
        payload = block[start:end]
        if crc32(payload) != crc:
            break
        try:
            frames.append(decode(payload))
        except msgspec.MsgspecError:  # another version wrote it
            frames.append(None)
        ends.append(end)
    return Block(frames, ends)
