"""What an edit of a model's routing does, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from gateway.config import ModelConfig
from gateway.rollout.sentence import label
from gateway.traffic import RolloutConfig, RuleConfig, Scalar

_NEWEST = "all traffic goes to the newest version in production"
_LEAST = 1e-9
"""Shares that differ by less are the same; they come from divisions."""


def edits(before: ModelConfig, after: ModelConfig) -> list[str]:
    """A sentence for each thing that changes in how requests are directed; none if nothing does.

    >>> edits(ModelConfig(traffic={1: 90, 2: 10}), ModelConfig(traffic={1: 80, 2: 20}, shadow=(3,)))
    ['10 % of traffic goes from version 1 to version 2, which then has 20 %', 'shadow 3 is added']
    """
    return [
        *_served(before.versions, after.versions),
        *_direction(before, after),
        *_sticky(before.sticky, after.sticky),
        *_rules(before.rules, after.rules),
        *_shadows(before.shadow, after.shadow),
    ]


def direction(settings: ModelConfig) -> list[str]:
    """Where a model's requests go, as for one that is new."""
    if settings.rollout is not None:
        return [f"a rollout of {_begins(settings.rollout)}"]
    return [*_whole(settings.traffic), *_dark({}, settings.traffic or {})]


def answering(settings: ModelConfig) -> str:
    """Who answers a model's requests, in a few words.

    >>> answering(ModelConfig()), answering(ModelConfig(traffic={1: 90, 2: 10}))
    ('newest version', 'version 1 90 %, version 2 10 %')
    """
    if settings.rollout is not None:
        return f"rollout of {_pair(settings.rollout)}"
    if settings.traffic is None:
        return "newest version"
    return ", ".join(f"version {version} {_percent(share)}" for version, share in _shares(settings.traffic).items())


def _served(before: tuple[int, ...] | None, after: tuple[int, ...] | None) -> list[str]:
    if before is None or after is None:
        if before == after:
            return []
        every = "all its versions are served but the archived"
        return [every if after is None else f"of its versions only {_list(after)} are served"]
    return [
        *(f"version {version} is served" for version in _new(before, after)),
        *(f"version {version} is no longer served" for version in _new(after, before)),
    ]


def _direction(before: ModelConfig, after: ModelConfig) -> list[str]:
    old, new = before.rollout, after.rollout
    if old is None and new is None:
        return _traffic(before.traffic, after.traffic)
    if old == new:
        return []
    if new is None:
        assert old is not None
        return [f"the rollout of {_pair(old)} is taken out", *direction(after)]
    if old is None:
        first = [] if _shares(before.traffic or {}) == {new.stable: 100.0} else [_first(new)]
        return [f"a rollout of {_begins(new)}", *first]
    if (old.stable, old.candidate) == (new.stable, new.candidate):
        return [f"the rollout of {_pair(new)} goes by another plan: {'; '.join(_replanned(old, new))}"]
    return [f"the rollout of {_pair(old)} is superseded by one of {_begins(new)}"]


def _first(plan: RolloutConfig) -> str:
    return f"version {plan.stable} gets all traffic until version {plan.candidate} is ready"


def _begins(plan: RolloutConfig) -> str:
    approval = "; then somebody must approve" if plan.approve == "manual" else ""
    return (
        f"{_pair(plan)} begins: {_steps(plan)}; gates: {', '.join(map(label, plan.gates))}; at least {plan.bake:g} s and "
        f"{plan.min_samples} answers on each step; a gate that fails makes it {_on_fail(plan)}{approval}"
    )


def _replanned(old: RolloutConfig, new: RolloutConfig) -> list[str]:
    pairs = (
        ("steps", _steps(old), _steps(new)),
        ("bake", f"{old.bake:g} s", f"{new.bake:g} s"),
        ("min_samples", str(old.min_samples), str(new.min_samples)),
        ("confidence", f"{old.confidence:g}", f"{new.confidence:g}"),
        ("on_fail", old.on_fail, new.on_fail),
        ("approve", old.approve, new.approve),
    )
    found = [f"{name} {theirs} instead of {ours}" for name, ours, theirs in pairs if ours != theirs]
    found += [f"gate {label(gate)} is added" for gate in new.gates if gate not in old.gates]
    found += [f"gate {label(gate)} is taken out" for gate in old.gates if gate not in new.gates]
    return found or ["its gates in another order"]


def _traffic(before: Mapping[int, float] | None, after: Mapping[int, float] | None) -> list[str]:
    if before == after:
        return []
    if before is None or after is None:
        return [*_whole(after), *_dark({}, after or {})]
    ours, theirs = _shares(before), _shares(after)
    gains = {version: theirs.get(version, 0.0) - ours.get(version, 0.0) for version in sorted({*ours, *theirs})}
    winners = [version for version, gain in gains.items() if gain > _LEAST]
    losers = [version for version, gain in gains.items() if gain < -_LEAST]
    found = []
    if len(winners) == len(losers) == 1:
        (winner,), (loser,) = winners, losers
        moved, then = _percent(gains[winner]), _percent(theirs[winner])
        more = "" if moved == then else f", which then has {then}"
        found = [f"{moved} of traffic goes from version {loser} to version {winner}{more}"]
    elif winners:
        found = _whole(after)
    return [*found, *_dark(before, after)]


def _whole(traffic: Mapping[int, float] | None) -> list[str]:
    if traffic is None:
        return [_NEWEST]
    shares = _shares(traffic)
    if len(shares) == 1:
        return [f"all traffic goes to version {next(iter(shares))}"]
    return ["traffic is split: " + ", ".join(f"{_percent(share)} to version {v}" for v, share in shares.items())]


def _dark(before: Mapping[int, float], after: Mapping[int, float]) -> list[str]:
    dark = [version for version, weight in after.items() if not weight and before.get(version, 1.0)]
    return [f"version {version} is dark: only its own path and rules lead to it" for version in sorted(dark)]


def _sticky(before: str | None, after: str | None) -> list[str]:
    if before == after:
        return []
    if after is None:
        return [f"the same {before} no longer keeps the same version"]
    instead = "" if before is None else f", instead of the same {before}: users may change version once"
    return [f"the same {after} keeps the same version{instead}"]


def _rules(before: tuple[RuleConfig, ...], after: tuple[RuleConfig, ...]) -> list[str]:
    found = [f"a rule is added: {_rule(rule)}" for rule in after if rule not in before]
    found += [f"a rule is taken out: {_rule(rule)}" for rule in before if rule not in after]
    if before != after and not found:
        found = ["its rules are tried in another order: " + "; ".join(map(_rule, after))]
    return found


def _rule(rule: RuleConfig) -> str:
    source = "cohort" if rule.cohort is not None else f"header {rule.header}" if rule.header else None
    source = source or f"parameter {rule.parameter}"
    return f"{source} {' or '.join(map(_value, rule.values))} goes to version {rule.version}"


def _value(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shadows(before: Collection[int], after: Collection[int]) -> list[str]:
    return [
        *(f"shadow {version} is added" for version in _new(before, after)),
        *(f"shadow {version} is taken out" for version in _new(after, before)),
    ]


def _new(before: Collection[int], after: Collection[int]) -> list[int]:
    return sorted(set(after) - set(before))


def _shares(traffic: Mapping[int, float]) -> dict[int, float]:
    """Percent by version, for those that get any."""
    total = sum(traffic.values())
    return {version: 100 * traffic[version] / total for version in sorted(traffic) if traffic[version] > 0}


def _pair(plan: RolloutConfig) -> str:
    return f"version {plan.candidate} against version {plan.stable}"


def _steps(plan: RolloutConfig) -> str:
    return ", ".join(map(_percent, (*plan.steps, 100)))


def _on_fail(plan: RolloutConfig) -> str:
    return "roll back" if plan.on_fail == "rollback" else "pause"


def _percent(value: float) -> str:
    return f"{value:.4g} %"


def _list(versions: Iterable[int]) -> str:
    return ", ".join(map(str, versions))
