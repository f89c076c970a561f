"""The same user keeps the same version: what of a request is the key, and which version a key belongs to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from math import log
from typing import Literal, NamedTuple

from gateway.query import Query
from gateway.signature import Spec

Source = Literal["header", "cookie", "field", "parameter"]

KEYS = frozenset({"BYTES", *(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))})
"""Datatypes that can be a key: the same number may have many forms as a float, and only two values are no key."""

_64 = (1 << 64) - 1


class Sticky(NamedTuple):
    """Where a request's key stands: in a header, a cookie, the first row of an input, or a parameter."""

    source: Source
    name: str

    def key(self, headers: Mapping[str, str], query: Query) -> str | None:
        """The request's key; None if it has none. headers: by lower-case name. 42 and "42" are one key.

        >>> Sticky("cookie", "user").key({"cookie": "theme=dark; user=ann"}, Query("", []))
        'ann'
        """
        if self.source == "header":
            return headers.get(self.name) or None
        if self.source == "cookie":
            return _cookie(headers.get("cookie", ""), self.name)
        if self.source == "field":
            return _field(query, self.name)
        value = query.parameters.get(self.name)
        if isinstance(value, str):
            return value or None
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


class Rendezvous(NamedTuple):
    """Versions with their shares, each drawing its own number from every key; the key belongs to the one that draws lowest.

    draws: for each version a salt, uint64 and this model's own, so that no two models favour the same users; and -1/share.
    What is drawn is exponential with the share as its rate, so a version wins with the probability of its share, exactly;
    and as its share rises its own numbers fall while the others' stay, so that keys move to it and to nobody else.

    Schindelhauer & Schomaker 2005, "Weighted distributed hash tables"; the mixing is that of SplitMix64 (Steele, Lea & Flood
    2014).
    """

    versions: tuple[int, ...]
    draws: tuple[tuple[int, float], ...]

    def place(self, key: str) -> int:
        """Where in `versions` the key's own stands: the same on every replica and after every start.

        >>> halves = rendezvous("flights", [1, 2], [0.5, 0.5])
        >>> [halves.place(user) for user in ("ann", "bob", "cid", "dan")]
        [1, 0, 0, 1]
        """
        hashed = int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
        lowest, winner = math.inf, 0
        for place, (salt, pull) in enumerate(self.draws):
            mixed = hashed ^ salt
            mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _64
            mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _64
            drawn = log(((mixed ^ mixed >> 31) + 1) * 2.0**-64) * pull  # uniform in (0, 1]
            if drawn < lowest:
                lowest, winner = drawn, place
        return winner


def rendezvous(model: str, versions: Sequence[int], shares: Sequence[float]) -> Rendezvous:
    """shares: above 0, as many as versions; only their proportions matter."""
    names = [f"{model}/{version}".encode() for version in versions]
    salts = [int.from_bytes(blake2b(name, digest_size=8, person=b"driftgate").digest(), "little") for name in names]
    return Rendezvous(tuple(versions), tuple((salt, -1 / share) for salt, share in zip(salts, shares, strict=True)))


def parse_sticky(text: str) -> Sticky:
    """From the configuration's form, which it has checked: `header:x-user-id`. The names of headers have no case."""
    source, _, name = text.partition(":")
    return Sticky(source, name.lower() if source == "header" else name)  # type: ignore[arg-type]


def misfit(sticky: Sticky | None, label: str, inputs: Mapping[str, Spec]) -> str | None:
    """Why the version `label` cannot take its keys from where `sticky` says, as a sentence; None if it can."""
    if sticky is None or sticky.source != "field":
        return None
    spec = inputs.get(sticky.name)
    if spec is None:
        return f"{label}: sticky: field:{sticky.name}, but it has no such input; it takes {', '.join(inputs)}"
    if spec.datatype not in KEYS:
        return f"{label}: sticky: field:{sticky.name} is {spec.datatype}; only BYTES and whole numbers can be a key"
    if spec.shape[:1] not in ((), (-1,), (1,)) or any(size != 1 for size in spec.shape[1:]):
        return f"{label}: sticky: field:{sticky.name} has shape {list(spec.shape)}; a key is one value in each row"
    return None


def _cookie(header: str, name: str) -> str | None:
    for pair in header.split(";"):
        found, _, value = pair.partition("=")
        if found.strip() == name:
            return value.strip().strip('"') or None
    return None


def _field(query: Query, name: str) -> str | None:
    for given, datatype, array in query.inputs:
        if given == name:
            if datatype not in KEYS or not array.size:
                return None
            value = array.item(0)
            return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)) or None
    return None
