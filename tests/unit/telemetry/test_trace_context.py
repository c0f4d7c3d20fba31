"""Headers from outside: what follows W3C Trace Context to the letter is taken, everything else starts a fresh trace."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarivum.telemetry import SpanContext, parse_traceparent
from clarivum.telemetry.trace_context import bounded_baggage, bounded_tracestate, new_span_id, new_trace_id

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_valid_header_is_taken_whole():
    context = parse_traceparent(f"00-{TRACE}-{SPAN}-01")
    assert context == SpanContext(int(TRACE, 16), int(SPAN, 16), 1)
    assert context.sampled
    assert context.traceparent == f"00-{TRACE}-{SPAN}-01"
    assert (context.trace_id_hex, context.span_id_hex) == (TRACE, SPAN)


@pytest.mark.parametrize(
    ("flags", "kept", "sampled"),
    [("00", 0, False), ("01", 1, True), ("02", 2, False), ("03", 3, True), ("ff", 3, True), ("fc", 0, False)],
)
def test_of_the_flags_the_bits_count(flags: str, kept: int, sampled: bool):
    context = parse_traceparent(f"00-{TRACE}-{SPAN}-{flags}")
    assert context is not None
    assert (context.flags, context.sampled) == (kept, sampled)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01-extra",
        f"ff-{TRACE}-{SPAN}-01",
        f"FF-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0x",
        f"00-{TRACE}-{SPAN}-01\n",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
        f"00-{'٣' * 32}-{SPAN}-01",
        "00-" + "a" * 100_000,
        "\x00" * 55,
    ],
)
def test_a_hostile_header_is_no_header(header: str | None):
    assert parse_traceparent(header) is None


def test_a_later_version_is_read_as_far_as_version_00_goes():
    assert parse_traceparent(f"01-{TRACE}-{SPAN}-01-what-comes-later") == parse_traceparent(f"00-{TRACE}-{SPAN}-01")
    assert parse_traceparent(f"cc-{TRACE}-{SPAN}-01") is not None
    assert parse_traceparent(f"01-{TRACE}-{SPAN}-01.what-comes-later") is None


@given(st.text() | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True))
def test_what_is_taken_can_be_sent_on(header: str):
    context = parse_traceparent(header)
    if context is not None:
        assert parse_traceparent(context.traceparent) == context
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]", context.traceparent)


def test_new_ids_are_never_zero_and_never_twice():
    assert len({new_trace_id() for _ in range(10_000)} - {0}) == 10_000
    assert len({new_span_id() for _ in range(10_000)} - {0}) == 10_000


@pytest.mark.parametrize(
    ("header", "carried"),
    [
        (None, ""),
        ("", ""),
        ("congo=t61rcWkgMzE", "congo=t61rcWkgMzE"),
        ("rojo=00f067aa0ba902b7, congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ("fw529a3039@dt=FfI:123", "fw529a3039@dt=FfI:123"),
        ("a=1,,b=2", "a=1,b=2"),
        ("a=1,a=2", ""),
        ("A=1", ""),
        ("a", ""),
        ("a=b=c", ""),
        ("a=\x01", ""),
        ("a=é", ""),
        (",".join(f"k{i}=1" for i in range(33)), ""),
        ("a=" + "x" * 511, ""),
        ("vendor=alice@example.com", ""),
    ],
)
def test_tracestate_is_carried_within_its_bounds(header: str | None, carried: str):
    assert bounded_tracestate(header) == carried


@pytest.mark.parametrize(
    ("header", "carried"),
    [
        (None, ""),
        ("tenant=acme", "tenant=acme"),
        ("tenant=acme;ttl=3, plan=pro", "tenant=acme;ttl=3,plan=pro"),
        ("tenant=acme,user=alice%40example.com", "tenant=acme"),
        ("token=abc,tenant=acme", "tenant=acme"),
        ("no value", ""),
        ("a=b c", ""),
        ("a=\x00", ""),
        ("a=" + "x" * 1_024, ""),
        (",".join(f"k{i}=1" for i in range(17)), ""),
    ],
)
def test_baggage_is_carried_within_its_bounds_and_without_what_is_personal(header: str | None, carried: str):
    assert bounded_baggage(header) == carried
