"""One measurement, ready to run: bytes, numbers and an address; it travels to the process that makes the load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.request import Request
from loadtests.scenario import Scenario
from loadtests.target import Target

DRAIN_S = 10.0
"""How long answers are waited for after the last request."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent where. `rows[i]` belongs to `wires[i]`; `rate` None is a closed loop. See Scenario for the rest."""

    target: Target
    wires: tuple[bytes, ...]
    rows: tuple[int, ...]
    connections: int
    duration_s: float
    warm_up_s: float
    rate: float | None = None
    poisson: bool = False
    drain_s: float = DRAIN_S
    seed: int = 0


def plan(scenario: Scenario, requests: Sequence[Request], target: Target) -> Plan:
    """The scenario's load on `target`, every request encoded."""
    return Plan(
        target=target,
        wires=tuple(request.wire(target.authority) for request in requests),
        rows=tuple(request.rows for request in requests),
        connections=scenario.connections,
        duration_s=scenario.duration_s,
        warm_up_s=scenario.warm_up_s,
        rate=scenario.rate,
        poisson=scenario.arrivals == "poisson",
    )
