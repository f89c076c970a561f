"""Which answers were given again, after a death."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from msgspec import structs

from gateway.journal.frame import Answered
from gateway.observer.recent import SPAN_NS, Recent
from gateway.record import Layout
from tests.gateway.journal.conftest import LAYOUT, answered

SECOND = 10**9
Answer = tuple[Layout, Answered]
OTHER = structs.replace(LAYOUT, model="other")
NARROW = structs.replace(LAYOUT, version=2, inputs=LAYOUT.inputs[:1])


def answer(at: int, x: float = 0.0, layout: Layout = LAYOUT) -> Answer:
    """A request `1` for the values x and 1."""
    inputs = [np.float32([x, 1]).tobytes(), ["city 0"]][: len(layout.inputs)]
    return layout, structs.replace(answered(at, "1"), inputs=inputs)


@pytest.mark.parametrize(
    ("second", "again"),
    [
        (answer(2 * SECOND), True),
        (answer(SECOND // 2), False),  # it had been answered before the first came
        (answer(2 * SECOND, x=5), False),
        (answer(2 * SECOND, layout=OTHER), False),
        (answer(2 * SECOND, layout=structs.replace(LAYOUT, stamp="loaded anew")), True),
        (answer(2 * SECOND, layout=NARROW), True),  # a version that takes other inputs: nothing else can be compared
    ],
)
def test_an_answer_was_given_again(second: Answer, again: bool) -> None:
    """Later, by the same model, under the same id, for the same inputs; the next process knows it too."""
    recent = Recent()
    recent.add([second])
    recent.trim([SECOND])
    for held in (recent, Recent(recent.export())):
        assert held.left([answer(SECOND)]) == ([] if again else [answer(SECOND)])


def test_each_of_several_requests_of_one_id_is_looked_at_for_itself() -> None:
    """Those that were answered again, by the time at which they came."""
    recent = Recent()
    recent.add([answer(3 * SECOND, x=x) for x in (1, 2)])
    asked = [answer(at * SECOND, x=x) for at, x in ((1, 1), (2, 3), (4, 2), (2, 2))]
    assert recent.left(asked) == asked[1:3]


def test_the_seconds_after_each_death_are_held() -> None:
    """Chunks of which a part lies there; nothing else."""
    recent = Recent()
    for second in range(0, 60, 2):
        recent.add([answer(second * SECOND), answer((second + 2) * SECOND)])
    recent.trim([9 * SECOND, 31 * SECOND])
    held = msgspec.msgpack.decode(recent.export())
    span = SPAN_NS // SECOND
    assert [chunk[0] // SECOND for chunk in held] == [*range(8, 9 + span, 2), *range(30, 31 + span, 2)]
    recent.trim([])
    assert recent.export() == Recent().export()


def test_what_an_earlier_driftgate_kept_is_passed_over() -> None:
    """It had ids alone."""
    recent = Recent(msgspec.msgpack.encode([(SECOND, ["1"])]))
    assert recent.left([answer(0)]) == [answer(0)]
