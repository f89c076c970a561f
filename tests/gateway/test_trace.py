"""W3C trace context: what is read of headers, and what is sent back."""

from __future__ import annotations

import pytest

from gateway.inference import Headers
from gateway.trace import Context, Span, context, echo, trace_id

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{PARENT}-01"


def test_a_traceparent_is_read() -> None:
    """With the state that goes with it."""
    found = context({"traceparent": GIVEN, "tracestate": "rojo=00f067,congo=t61"})
    assert found == Context(TRACE, PARENT, 1, "rojo=00f067,congo=t61")
    assert found.sampled


@pytest.mark.parametrize(
    ("flags", "kept", "sampled"),
    [("00", 0, False), ("01", 1, True), ("02", 2, False), ("03", 3, True), ("ff", 3, True)],
)
def test_flags_that_are_not_known_are_not_passed_on(flags: str, kept: int, sampled: bool) -> None:
    """Sampled and random are."""
    found = context({"traceparent": f"00-{TRACE}-{PARENT}-{flags}"})
    assert found
    assert (found.flags, found.sampled) == (kept, sampled)


@pytest.mark.parametrize("given", [f"01-{TRACE}-{PARENT}-01", f"cc-{TRACE}-{PARENT}-01-what-the-future-brings"])
def test_a_later_version_is_read_as_far_as_it_is_known(given: str) -> None:
    """Its first four fields are those of this one."""
    assert trace_id({"traceparent": given}) == TRACE


@pytest.mark.parametrize(
    "given",
    [
        "",
        "hello",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE[:-1]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}-01\n",
        f" {GIVEN}",
        f"01-{TRACE}-{PARENT}-01.more",
    ],
)
def test_a_traceparent_that_is_not_valid_is_none(given: str) -> None:
    """And its state says nothing either."""
    assert context({"traceparent": given, "tracestate": "a=b"}) is None
    assert trace_id({"traceparent": given}) is None


@pytest.mark.parametrize("state", ["é=1", "a=b\r\nx: y", "a=" + "b" * 511])
def test_a_state_that_cannot_be_passed_on_is_left_out(state: str) -> None:
    """The trace goes on without it."""
    assert context({"traceparent": GIVEN, "tracestate": state}) == Context(TRACE, PARENT, 1, "")
    assert echo({"traceparent": GIVEN, "tracestate": state}, None) == [("traceparent", GIVEN)]


def test_without_a_span_the_client_hears_its_own_words() -> None:
    """Valid or not: nobody here has read them."""
    assert echo({"traceparent": "00-t-s-01", "tracestate": "a=b"}, None) == [
        ("traceparent", "00-t-s-01"),
        ("tracestate", "a=b"),
    ]
    assert echo({"tracestate": "a=b"}, None) == []


def test_with_a_span_it_hears_of_ours() -> None:
    """In its trace, with its state."""
    span = Span(TRACE, "1" * 16, 1, Context(TRACE, PARENT, 1, "a=b"))
    assert echo({"traceparent": GIVEN}, span) == [("traceparent", f"00-{TRACE}-{'1' * 16}-01"), ("tracestate", "a=b")]
    assert echo({}, Span(TRACE, "1" * 16, 1, None)) == [("traceparent", f"00-{TRACE}-{'1' * 16}-01")]


def test_a_state_in_several_headers_is_one_list() -> None:
    """As W3C Trace Context, section 3.3.1, asks for."""
    headers = Headers([(b"traceparent", GIVEN.encode()), (b"tracestate", b"a=1,b=2"), (b"tracestate", b"c=3")])
    assert context(headers) == Context(TRACE, PARENT, 1, "a=1,b=2,c=3")


def test_two_traceparents_are_none() -> None:
    """Nobody can say which one is right."""
    headers = Headers([(b"traceparent", GIVEN.encode()), (b"traceparent", GIVEN.encode()), (b"x", b"1"), (b"x", b"2")])
    assert context(headers) is None
    assert headers["x"] == "2"
