"""Who says that he asks."""

from __future__ import annotations

from collections.abc import Mapping

USER = "x-driftgate-user"
"""The header by which a caller says who he is. Nobody checks it: it is for the history."""

_NOBODY, _WHO = "api", 64


def who(headers: Mapping[str, str]) -> str:
    """Who says that he asks: at most 64 characters that can be printed. headers: HTTP's or gRPC's, names in lower case.

    >>> who({"x-driftgate-user": "ann\\x1b[2J"}), who({})
    ('ann[2J', 'api')
    """
    return printable(headers.get(USER, ""))[:_WHO].strip() or _NOBODY


def printable(text: str) -> str:
    """Without what would move a terminal's cursor, or worse."""
    return "".join(character for character in text if character.isprintable())
