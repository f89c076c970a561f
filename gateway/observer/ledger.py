"""What was answered and refused, counted: the part of the metrics that follows from the journal alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.observer.exemplars import Exemplars
from gateway.observer.histogram import LABEL_BUCKETS, Histogram
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
    exemplars: Exemplars = field(default_factory=Exemplars)


class Ledger:
    """Accounts by subject, and how long labels took by model. exists: whether the repository has a model of that name."""

    def __init__(self, exists: Callable[[str], bool], exported: bytes | None = None) -> None:
        self._exists = exists
        self.accounts: dict[Subject, Account] = {}
        self.delays: dict[str, Histogram] = {}
        kept = msgspec.msgpack.decode(exported) if exported else {}
        if isinstance(kept, list):  # written before there were delays
            kept = {"accounts": kept}
        for subject, plain in kept.get("accounts", ()):
            self.accounts[Subject(*subject)] = _account(plain)
        for model, plain in kept.get("delays", {}).items():
            self.delays[model] = Histogram(**plain, bounds=LABEL_BUCKETS)

    def answers(self, answers: Answers) -> None:
        """Counts answered requests: each once, however many rows it had."""
        account = self._account(answers.layout.model, answers.layout.version, answers.role)
        firsts = answers.row == 0
        account.rows += len(answers)
        account.outcomes["ok"] += int(firsts.sum())
        account.routes.update(answers.route if firsts.all() else np.array(answers.route, object)[firsts].tolist())
        account.total.add(answers.total_us[firsts])
        traces = answers.trace_id if firsts.all() else np.array(answers.trace_id, object)[firsts].tolist()
        account.exemplars.add(traces, answers.total_us[firsts], answers.time[firsts])
        account.compute.add(answers.compute_us[firsts])
        account.queue.add(answers.queue_us[firsts])
        account.newest_ns = max(account.newest_ns, int(answers.time.max()))

    def labelled(self, answers: Answers, time: NDArray[np.int64], previous: Sequence[Any]) -> None:
        """Counts how long labels took. time: int64 [rows], ns, when each was known. previous: of a first label None."""
        if answers.role == "primary":
            delays = np.maximum(time - answers.time, 0) // 1000
            first = np.fromiter((value is None for value in previous), bool, len(delays))
            known = self.delays.setdefault(answers.layout.model, Histogram(bounds=LABEL_BUCKETS))
            known.add(delays[first])

    def refusals(self, refusals: Refusals) -> None:
        """Counts refused requests."""
        for key, count in Counter(
            zip(refusals.model, refusals.version, refusals.role, refusals.code, strict=True)
        ).items():
            model, version, role, code = key
            self._account(model if self._exists(model) else UNKNOWN, version, role).outcomes[code] += count

    def export(self) -> bytes:
        """All of it, for the next process."""
        accounts = [(subject, _plain(account)) for subject, account in self.accounts.items()]
        delays = {model: histogram.export() for model, histogram in self.delays.items()}
        return msgspec.msgpack.encode({"accounts": accounts, "delays": delays})

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
        "exemplars": account.exemplars.export(),
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
        Exemplars(plain.get("exemplars")),
    )
