"""Real processes: whatever ends one, every primary is shadowed or counted, once, and the others go on."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from gateway.config import ModelConfig
from gateway.shadow import checkpoint as checkpoints
from gateway.shadow.checkpoint import Shadow
from gateway.shadow.report import reports
from gateway.shadow.supervisor import Supervisor
from tests import onnx_models
from tests.gateway.shadow.conftest import Site, difference, patience, quotient
from tests.running import wait_for

LEAST = -(2**63)


class Keeper:
    """A supervisor that is tended while something is waited for."""

    def __init__(self, site: Site, run_s: float = 30) -> None:
        self.site = site
        self.supervisor = Supervisor(site.config, rests_s=(0.05, 0.5), run_s=run_s)

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Returns when it holds."""

        def tended() -> object:
            self.supervisor.tend(time.monotonic())
            return condition()

        wait_for(tended, 40, what)

    def until_all_are_accounted_for(self) -> None:
        """All that were asked."""
        self.until(lambda: sum(self.site.kept.outcomes.values()) == len(self.site.asked), "the shadow to catch up")


@pytest.fixture
def keep() -> Iterator[Callable[..., Keeper]]:
    """Makes a keeper."""
    made: list[Keeper] = []

    def make(site: Site, run_s: float = 30) -> Keeper:
        made.append(Keeper(site, run_s))
        return made[-1]

    yield make
    for keeper in made:
        keeper.supervisor.close()


def test_a_request_that_ends_the_process_is_given_up_and_all_others_are_answered(
    make_site: Callable[..., Site], keep: Callable[..., Keeper]
) -> None:
    """The SIGFPE of a whole number that has no quotient: no Python survives that."""
    site = make_site(quotient(), difference(), {"max_batch_size": 64})
    for number in range(20):
        a, b = (LEAST, -1) if number == 13 else (number, 1)
        site.ask(str(number), a=[a], b=[b])
    keep(site).until_all_are_accounted_for()
    assert site.kept.outcomes == {"ok": 19, "shadow_crashed": 1}
    assert site.names() == dict.fromkeys(map(str, range(20)), 1)
    assert site.kept.starts == 3
    (report,) = reports(site.data, time.time_ns())
    assert (report.shadow, report.starts, report.trouble) == (Shadow("m", 2), 3, "")


def test_a_run_that_does_not_end_is_ended(make_site: Callable[..., Site], keep: Callable[..., Keeper]) -> None:
    """By the kernel: a version that hangs hears nobody else."""
    site = make_site(patience(), onnx_models.identity("FP32", ("N", 1)), {})
    for name, x in (("a", 1.0), ("forever", 1e15), ("b", 2.0)):
        site.ask(name, x=[x])
    keep(site, run_s=0.5).until_all_are_accounted_for()
    assert site.kept.outcomes == {"ok": 2, "shadow_timed_out": 1}
    assert site.names() == dict.fromkeys(site.asked, 1)


@pytest.mark.parametrize("kills", [4, pytest.param(12, marks=pytest.mark.slow)])
def test_every_primary_is_shadowed_once_whenever_the_process_is_killed(
    site: Site, keep: Callable[..., Keeper], kills: int
) -> None:
    """SIGKILL at random moments, while requests come."""
    keeper = keep(site)
    shadow = site.shadow
    for turn in range(kills):
        keeper.until(lambda: shadow in keeper.supervisor.processes, "the process")
        end = time.monotonic() + random.uniform(0.5, 2.5)  # it takes a second or so to load
        while time.monotonic() < end:
            site.ask(f"{turn}-{len(site.asked)}", x=[random.uniform(-3, 3)])
            time.sleep(0.002)
        if turn % 2:
            site.journals[-1].close()
            site.journal()
        if shadow in keeper.supervisor.processes:
            os.kill(keeper.supervisor.processes[shadow], signal.SIGKILL)
    keeper.until_all_are_accounted_for()
    assert keeper.supervisor.finish(20) == []
    assert site.names() == dict.fromkeys(site.asked, 1)
    assert site.kept.outcomes == {"ok": len(site.asked)}
    assert site.kept.pairs[1].requests == len(site.asked)


def test_told_to_finish_it_does_what_is_left(site: Site, keep: Callable[..., Keeper]) -> None:
    """What was answered a moment ago is shadowed before it ends."""
    keeper = keep(site)
    keeper.until(lambda: site.kept.starts == 1, "the process")
    for number in range(100):
        site.ask(str(number), x=[1.0])
    site.journals[-1].close()
    assert keeper.supervisor.finish(20) == []
    assert site.names() == dict.fromkeys(site.asked, 1)


def test_it_ends_with_whoever_started_it_and_takes_no_time_from_others(site: Site, keep: Callable[..., Keeper]) -> None:
    """Its input is closed then; and it runs when nothing else wants to."""
    keeper = keep(site)
    keeper.until(lambda: site.kept.starts == 1, "the process")
    process = psutil.Process(keeper.supervisor.processes[site.shadow])
    assert process.nice() == 19
    if hasattr(os, "SCHED_IDLE"):
        assert os.sched_getscheduler(process.pid) == os.SCHED_IDLE
    keeper.supervisor.close()
    wait_for(lambda: not process.is_running(), 10, "its end")


def test_an_edit_does_not_disturb_the_shadows_that_stay(site: Site, keep: Callable[..., Keeper]) -> None:
    """What they are running is no death of theirs."""
    keeper = keep(site)
    keeper.until(lambda: site.kept.starts == 1, "the process")
    before = keeper.supervisor.processes
    assert site.config.models
    models = {**site.config.models, "other": ModelConfig()}
    keeper.supervisor.follow(site.config.model_copy(update={"models": models}))
    assert keeper.supervisor.processes == before
    assert psutil.pid_exists(before[site.shadow])


def test_a_shadow_that_is_not_wanted_any_more_is_forgotten(site: Site, keep: Callable[..., Keeper]) -> None:
    """Its checkpoint goes, so that the journals are not kept for it."""
    keeper = keep(site)
    keeper.until(lambda: site.kept.starts == 1, "the process")
    keeper.supervisor.follow(site.config.model_copy(update={"models": None}))
    assert keeper.supervisor.processes == {}
    assert checkpoints.known(site.data) == []
