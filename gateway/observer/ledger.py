"""What was answered and refused, counted: the part of the metrics that follows from the journal alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np

from gateway.observer.histogram import Histogram
from gateway.record import Answers, Refusals

UNKNOWN = "unknown"
"""Stands for every model that the repository does not have: the names are the clients'."""


class Subject(NamedTuple):
    """What counts are kept by. version 0: the request was refused before one was chosen."""

    model: str
    version: int
    role: str


@dataclass(slots=True)
class Account:
    """The counts of one subject. outcomes: requests by `ok` or the error's code. rows: those of answered requests."""

    outcomes: Counter[str] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    total: Histogram = field(default_factory=Histogram)
    compute: Histogram = field(default_factory=Histogram)
    queue: Histogram = field(default_factory=Histogram)
    newest_ns: int = 0


class Ledger:
    """Accounts by subject. exists: whether the repository has a model of that name."""

    def __init__(self, exists: Callable[[str], bool], exported: bytes | None = None) -> None:
        self._exists = exists
        self.accounts: dict[Subject, Account] = {}
        for subject, plain in msgspec.msgpack.decode(exported) if exported else ():
            self.accounts[Subject(*subject)] = _account(plain)

    def answers(self, answers: Answers) -> None:
        """Counts answered requests: each once, however many rows it had."""
        account = self._account(answers.layout.model, answers.layout.version, answers.role)
        firsts = answers.row == 0
        account.rows += len(answers)
        account.outcomes["ok"] += int(firsts.sum())
        account.routes.update(answers.route if firsts.all() else np.array(answers.route, object)[firsts].tolist())
        account.total.add(answers.total_us[firsts])
        account.compute.add(answers.compute_us[firsts])
        account.queue.add(answers.queue_us[firsts])
        account.newest_ns = max(account.newest_ns, int(answers.time.max()))

    def refusals(self, refusals: Refusals) -> None:
        """Counts refused requests."""
        for key, count in Counter(
            zip(refusals.model, refusals.version, refusals.role, refusals.code, strict=True)
        ).items():
            model, version, role, code = key
            self._account(model if self._exists(model) else UNKNOWN, version, role).outcomes[code] += count

    def export(self) -> bytes:
        """All of it, for the next process."""
        return msgspec.msgpack.encode([(subject, _plain(account)) for subject, account in self.accounts.items()])

    def _account(self, model: str, version: int, role: str) -> Account:
        return self.accounts.setdefault(Subject(model, version, role), Account())


def _plain(account: Account) -> dict[str, Any]:
    return {
        "outcomes": dict(account.outcomes),
        "routes": dict(account.routes),
        "rows": account.rows,
        "total": account.total.export(),
        "compute": account.compute.export(),
        "queue": account.queue.export(),
        "newest_ns": account.newest_ns,
    }


def _account(plain: dict[str, Any]) -> Account:
    return Account(
        Counter(plain["outcomes"]),
        Counter(plain["routes"]),
        plain["rows"],
        Histogram(**plain["total"]),
        Histogram(**plain["compute"]),
        Histogram(**plain["queue"]),
        plain["newest_ns"],
    )
