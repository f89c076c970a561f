"""How everything stands, put together for the observer from what the control actor knows."""

from __future__ import annotations

from gateway.config import Config
from gateway.desired import Desired
from gateway.observer.standing import Standing
from gateway.roster import Roster
from gateway.shares import shares
from gateway.steering import Steering


def standing(config: Config, desired: Desired, roster: Roster, steering: Steering) -> Standing:
    """The newest of everything; it costs a fraction of a millisecond."""
    serving = roster.serving()
    ready: dict[tuple[str, int], int] = {}
    weights: dict[tuple[str, int], float] = {}
    for model, folders in desired.models.items():
        held = [report["ready"].get(model, ()) for report in serving]
        for number in desired.loaded(model):
            ready[model, number] = sum(number in versions for versions in held)
        for number, share in shares(desired.routing[model], folders, held).items():
            weights[model, number] = share
    return Standing(
        revision=desired.revision,
        replicas=roster.states(),
        in_flight=sum(report["in_flight"] for report in serving),
        limit=config.limits.max_in_flight * len(serving),
        load=max((report["load"] for report in serving), default=0.0),
        ready=ready,
        weights=weights,
        rollouts=steering.told(),
        events=steering.events(desired.models),
    )
