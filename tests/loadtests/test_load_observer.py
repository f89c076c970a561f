"""The observer's load test: what it sends is what is recorded, its numbers add up, and its table fits the page."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from gateway.journal import columns
from loadtests import backlog, observer
from loadtests.__main__ import cli
from loadtests.backlog import Backlog, Speed
from loadtests.flights import Flights
from loadtests.following import Memory, Pace
from loadtests.machine import machine
from loadtests.observer import Report
from loadtests.report import WIDTH, console
from loadtests.scrape import Scrape, quantile

NOW = 1_800_000_000_000_000_000
PACE = Pace(
    peak=12_345.6,
    offered=9_876.5,
    answered=9_870.0,
    answer_p99_ms=123.4,
    delay_p50_s=0.3,
    delay_p99_s=0.5,
    behind=123_456_789,
    backlog=123_456_789_000,
    caught_up_s=None,
    row_us=15.2,
    rows=197_400,
    lost=0,
)
TEXT = """
# TYPE delay histogram
delay_bucket{le="0.5"} 10.0
delay_bucket{le="1.0"} %s
delay_bucket{le="+Inf"} %s
delay_count %s
delay_sum 1.0
# TYPE rows counter
rows_total{model="a"} 2.0
rows_total{model="b"} 3.0
"""


def test_flights_are_the_same_every_time() -> None:
    """The same frames for the same seed, one for each flight, in order of time, with ids that say it too."""
    one, other = (list(Flights(50, NOW).frames()) for _ in range(2))
    assert one == other
    assert len(one) == 50
    assert len({frame.id for frame in one}) == 50
    for earlier, later in pairwise(one):
        assert earlier.at < later.at
        assert earlier.id[:13] <= later.id[:13]  # milliseconds


def test_frames_hold_what_the_requests_ask() -> None:
    """What is journalled and what is sent over HTTP are the same flights."""
    flights = Flights(40, NOW)
    (answers,) = columns.answers([(flights.layout, frame) for frame in flights.frames()])
    sent = [json.loads(request.body)["inputs"] for request in flights.requests(20)]
    assert [request.rows for request in flights.requests(15)] == [15, 15]
    for at, field in enumerate(flights.layout.inputs):
        data = [value for inputs in sent for value in inputs[at]["data"]]
        found = answers.inputs[field.name].tolist()
        if field.datatype.startswith("FP"):
            data = [math.nan if value is None else value for value in data]
            assert found == pytest.approx(data, nan_ok=True)
        else:
            assert found == data


def test_every_flight_has_a_label() -> None:
    """In the order of the answers, or in none."""
    flights = Flights(60, NOW)
    ordered, shuffled = flights.labels(shuffled=False), flights.labels(shuffled=True)
    assert [label.id for label in ordered] == flights.ids
    assert ordered != shuffled
    assert sorted(ordered) == sorted(shuffled)
    assert {label.value for label in ordered} == {0, 1}


def test_a_backlog_is_folded_to_its_end() -> None:
    """All rows with and without monitors, all labels; both speeds and all stages have taken some time."""
    found = backlog.work_off(2_000)
    for speed in (found.watched, found.unwatched, found.labels_in_order, found.labels_shuffled):
        assert speed.processor > 0
        assert speed.clock > 0
    assert found.journal_bytes > found.part_bytes > 16
    assert found.journal_bytes > found.tidied_bytes > 16
    assert list(found.stages) == ["read", "columns", "count", "watch", "buffer", "commit"]
    assert all(cost > 0 for cost in found.stages.values())


def test_metrics_are_added_up_and_subtracted() -> None:
    """Samples of one name are summed over their labels; a histogram is what came since the earlier look."""
    before, after = Scrape(TEXT % (10.0, 10.0, 10.0)), Scrape(TEXT % (30.0, 34.0, 34.0))
    assert after["rows_total"] == 5
    assert after["no_such_thing"] == 0
    assert after.buckets("delay", before) == [(0.5, 0.0), (1.0, 20.0), (math.inf, 24.0)]
    assert after.buckets("nothing", before) == []


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ((10.0, 10.0, 10.0), 0.5, 0.25),  # from 0 to the first bound
        ((0.0, 10.0, 10.0), 0.5, 0.75),
        ((0.0, 0.0, 10.0), 0.5, 1.0),  # beyond the last bound nothing is known
        ((10.0, 20.0, 20.0), 1.0, 1.0),
    ],
)
def test_quantiles_lie_on_a_line_between_bounds(counts: tuple[float, ...], share: float, expected: float) -> None:
    """As Prometheus's histogram_quantile has them."""
    assert quantile(list(zip((0.5, 1.0, math.inf), counts, strict=True)), share) == expected


def test_there_is_no_quantile_of_nothing() -> None:
    """NaN, not a number that could be taken for good news."""
    assert math.isnan(quantile([], 0.99))
    assert math.isnan(quantile([(1.0, 0.0), (math.inf, 0.0)], 0.99))


@given(st.lists(st.integers(0, 50), min_size=3, max_size=6).filter(any), st.floats(0.01, 1), st.floats(0.01, 1))
def test_quantiles_grow_with_their_share(found: list[int], one: float, other: float) -> None:
    """And never leave the bounds."""
    bounds = [*(float(at + 1) for at in range(len(found) - 1)), math.inf]
    buckets = [(bound, float(sum(found[: at + 1]))) for at, bound in enumerate(bounds)]
    low, high = sorted((one, other))
    assert 0 <= quantile(buckets, low) <= quantile(buckets, high) <= bounds[-2]


def report(memory: tuple[Memory, ...]) -> Report:
    """With numbers as wide as they get."""
    speed = Speed(processor=123_456.7, clock=98_765.4)
    return Report(
        machine=machine(),
        backlog=Backlog(
            rows=10_000_000,
            watched=speed,
            unwatched=speed,
            labels_in_order=speed,
            labels_shuffled=speed,
            journal_bytes=180.2,
            part_bytes=29.0,
            tidied_bytes=28.9,
            stages={"read": 4.0},
        ),
        pace=PACE,
        memory=memory,
        load_after=12.3,
    )


@pytest.mark.parametrize("marks", [(), (0, 1_000_000, 5_000_000, 10_000_000)])
def test_the_table_fits_the_page(marks: tuple[int, ...]) -> None:
    """No line is longer than 100 columns, nothing is cut off, and JSON holds the same."""
    made = report(tuple(Memory(rows=rows, replica=200_000_000, observer=300_000_000) for rows in marks))
    screen = console()
    with screen.capture() as capture:
        screen.print(observer.table(made))
    text = capture.get()
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "…" not in text
    for word in ("123,457 (98,765)", "≥ 50,000", "not in 120 s", "123,456,789,000"):
        assert word in text
    assert ("after 10,000,000 rows" in text, "≤ 220, 330 MB" in text) == (bool(marks), bool(marks))
    assert Report.model_validate_json(made.model_dump_json()) == made


@pytest.mark.slow
def test_a_gateway_is_followed(tmp_path: Path) -> None:
    """The whole of it, small: every answer is observed, none is lost, and memory is read at each mark."""
    path = tmp_path / "found.json"
    arguments = ["observer", "--rows", "10000", "--seconds", "2", "--answers", "6000", "--json", str(path)]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = Report.model_validate_json(path.read_text())
    assert found.pace.lost == 0
    assert found.pace.rows >= found.pace.answered
    assert found.pace.caught_up_s is not None
    assert [one.rows > 0 for one in found.memory] == [False, True, True, True]
    assert found.memory[-1].rows >= 5_700
