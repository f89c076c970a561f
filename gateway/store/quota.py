"""An id that clients use again and again: how many rows one label may be joined with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

MOST = 32
"""More than there are versions, shadows and repetitions of one request."""


class Quota:
    """For each of several ids the rows of its newest requests, MOST of them.

    left: bool [ids], of which there may be more; it changes with each `take`.
    """

    def __init__(self, ids: int) -> None:
        self._met = np.zeros(ids, np.int64)
        self.left = np.ones(ids, np.bool_)

    def take(self, which: NDArray[np.int64], numbers: Callable[[], NDArray[np.int32]]) -> NDArray[np.bool_]:
        """Which rows are of these, where all are older than those before: bool [n].

        which: the place of each row's id, rows in order of time. numbers: gives their numbers in their requests, int32 [n]; it
        is not asked where no id is there twice.
        """
        repeated = np.bincount(which).max(initial=0) > 1
        newer = _followers(which << 32 | numbers()) if repeated else np.zeros(len(which), np.int64)
        taken: NDArray[np.bool_] = newer < MOST - self._met[which]
        more = np.zeros_like(self._met)
        np.maximum.at(more, which, newer + 1)
        self._met += more
        self.left[self._met >= MOST] = False
        return taken


def _followers(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the same stand behind each.

    >>> _followers(np.array([7, 3, 7, 7])).tolist()
    [2, 0, 1, 0]
    """
    order = np.argsort(keys, kind="stable")[::-1]
    places = np.arange(len(keys))
    begins = np.append(True, keys[order][1:] != keys[order][:-1])
    found = np.empty_like(places)
    found[order] = places - np.maximum.accumulate(np.where(begins, places, 0))
    return found
