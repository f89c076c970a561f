"""How processes that work behind the answers leave the processor to those that give them."""

from __future__ import annotations

import os
from contextlib import suppress


def stand_back() -> None:
    """From here on this process takes only processor time that nobody else wants.

    A process of nice 19 alone still takes a fiftieth of a busy core. Where a sandbox does not allow the policy, that has to do.
    """
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
