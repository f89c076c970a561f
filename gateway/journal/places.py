"""Who else reads the journals: what others have still to read is not deleted by the observer.

Each of them keeps a file `state/readers/<name>.msgpack`, replaced whole at each of its own checkpoints: a map with a key
`places`, the place that it has come to in each journal by the journal's name. It is a reader as long as the file is there. A
journal that it does not name it has not begun to read; one that it is done with it names with DONE, until that is gone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from gateway.journal.reader import START, Place, Reader
from gateway.journal.segment import bytes_of

DONE = Place(1 << 40, 0)
"""Behind every segment: the whole journal has been read, and its writer is dead."""

DERIVED = "shadow-"
"""How the names of journals begin that were made from other journals: no shadow reads them."""

_SHARE = 0.75
"""Of the room that journals have: when they take more, the others' places are not heeded. Answers come first."""


class _Reader(msgspec.Struct):
    places: dict[str, Place]


def readers_folder(data: Path) -> Path:
    """Where the places lie, below the `data` folder."""
    return data / "state" / "readers"


def needed(data: Path, most: int) -> Callable[[str], Place]:
    """From which place on the journal of a name is needed by others; DONE if it is not.

    most: what the journals may take, bytes (journal.max_bytes). Asked once for each checkpoint of the observer.
    """
    others = []
    for path in readers_folder(data).glob("*.msgpack"):
        with contextlib.suppress(FileNotFoundError):  # one that reads no more
            others.append(msgspec.msgpack.decode(path.read_bytes(), type=_Reader).places)
    if not others or bytes_of(data / "journal") > most * _SHARE:
        return lambda _: DONE

    def needed_from(name: str) -> Place:
        return DONE if name.startswith(DERIVED) else min(places.get(name, START) for places in others)

    return needed_from


def discard(reader: Reader, place: Place, needed_from: Place) -> bool:
    """Deletes what lies before both places, and the whole journal if the reader has finished and nobody else needs it.

    Returns whether the journal is gone.
    """
    if needed_from >= DONE:
        reader.delete(place)
        return reader.finished
    first = min(place.segment, needed_from.segment)
    for path in reader.folder.glob("*.journal"):
        if int(path.stem) < first:
            path.unlink()
    return False
