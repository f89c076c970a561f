"""Names that came from outside, as they may stand beside a number: short, printable, and still different from each other."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

LONGEST = 80
"""Characters of a name that is shown, a feature's, a group's or a category's; of a longer one the beginning."""

_MARK = 4  # bytes of a hash: by it two names with one beginning differ


@lru_cache(maxsize=8192)
def caption(text: str) -> str:
    """The text itself if it is printable and short enough; if not, what can be shown of it and a mark of the whole.

    >>> caption("carrier"), caption("a\\nb")
    ('carrier', 'a\ufffdb…59900c43')
    >>> len(caption("x" * 1000))
    80
    """
    if len(text) <= LONGEST and text.isprintable():
        return text
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:LONGEST])
    mark = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_MARK).hexdigest()
    return f"{shown[: LONGEST - 1 - len(mark)]}…{mark}"
