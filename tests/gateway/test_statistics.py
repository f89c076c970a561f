"""Counts as Triton counts them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.statistics import Statistics

TIMES = st.tuples(*[st.integers(0, 10**9)] * 5)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.integers(1, 5000), st.booleans(), st.integers(1, 5000), TIMES, st.integers(0, 2**41)),
        st.integers(0, 10**9),
    )
)


def folded(events: list[object]) -> Statistics:
    """The statistics of these events."""
    statistics = Statistics()
    for event in events:
        if isinstance(event, int):
            statistics.failed(event)
        else:
            statistics.succeeded(*event)  # type: ignore[misc]
    return statistics


def test_an_answer_counts_its_rows_and_a_run_counts_once() -> None:
    """Two requests merged into one run of three rows: two successes, three inferences, one execution."""
    statistics = Statistics()
    statistics.succeeded(1, True, 3, (10, 20, 30, 40, 100), 1000)
    statistics.succeeded(2, False, 3, (11, 21, 30, 41, 110), 1001)
    statistics.failed(7)
    assert statistics.triton("flights", 2) == {
        "name": "flights",
        "version": "2",
        "last_inference": 1001,
        "inference_count": 3,
        "execution_count": 1,
        "inference_stats": {
            "success": {"count": 2, "ns": 210},
            "fail": {"count": 1, "ns": 7},
            "queue": {"count": 2, "ns": 21},
            "compute_input": {"count": 2, "ns": 41},
            "compute_infer": {"count": 2, "ns": 60},
            "compute_output": {"count": 2, "ns": 81},
        },
        "batch_stats": [{"batch_size": 3, "compute_infer": {"count": 1, "ns": 30}}],
    }


@given(EVENTS, EVENTS)
def test_the_counts_of_replicas_add_up(first: list[object], second: list[object]) -> None:
    """Absorbing what two replicas exported is the same as having seen all their requests."""
    total = Statistics()
    for events in (first, second):
        total.absorb(folded(events).export())
    both = folded([*first, *second])
    both.last_ms = max(folded(first).last_ms, folded(second).last_ms)
    assert total.triton("m", 1) == both.triton("m", 1)


@given(EVENTS)
def test_an_export_is_a_copy(events: list[object]) -> None:
    """What was exported does not change with what comes later."""
    statistics = folded(events)
    exported = statistics.export()
    statistics.failed(1)
    again = Statistics()
    again.absorb(exported)
    assert again.counts["fail"] == statistics.counts["fail"] - 1


def test_batch_sizes_that_clients_make_up_do_not_fill_the_memory() -> None:
    """Exact up to 1,024 rows; above, the next power of two."""
    statistics = Statistics()
    for rows in (1024, 1025, 2048, 2049, *range(100_000, 110_000)):
        statistics.succeeded(rows, True, rows, (0, 0, 1, 0, 1), 0)
    assert [(entry["batch_size"], entry["compute_infer"]["count"]) for entry in statistics.triton("m", 1)["batch_stats"]] == [
        (1024, 1),
        (2048, 2),
        (4096, 1),
        (131072, 10_000),
    ]  # fmt: skip
