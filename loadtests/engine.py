"""Runs a plan in a process of its own, so that nothing else of this program competes with it."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import uvloop

from loadtests.closed import closed_loop
from loadtests.errors import LoadError
from loadtests.open import open_loop
from loadtests.plan import Plan
from loadtests.result import Result


def measure(plan: Plan) -> Result:
    """Runs the plan in a new process and waits for what it found. Raises LoadError."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(drive, plan).result()
        except BrokenProcessPool:
            raise LoadError("the process that makes the load died") from None


def drive(plan: Plan) -> Result:
    """Runs the plan in this process. The garbage collector is off meanwhile: its pauses would be counted as latency."""
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(closed_loop(plan) if plan.rate is None else open_loop(plan))
    finally:
        gc.enable()
