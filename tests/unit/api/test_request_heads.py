"""Heads of requests, before anything is known about who sends them."""

import pytest

from clarivum.api.http.framing import Head, unknown_method
from clarivum.api.http.limits import Limits
from clarivum.errors import RequestError

LIMITS = Limits(max_body_bytes=1_000, receive_timeout_s=8)


def head(*headers: tuple[bytes, bytes], target: bytes = b"/") -> Head:
    made = Head(LIMITS)
    made.add_target(target)
    for name, value in headers:
        made.add_header(name, value)
    return made


def code_of(call: object, *args: object, **kwargs: object) -> str:
    with pytest.raises(RequestError) as raised:
        call(*args, **kwargs)  # type: ignore[operator]
    return raised.value.code.name


HOST = (b"Host", b"example.org")


def test_a_scope_has_the_path_decoded_and_raw() -> None:
    scope = head(HOST, target=b"/a%20b/%2F?x=%201").scope("GET", "1.1")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b//", b"/a%20b/%2F", b"x=%201")
    assert scope["headers"] == [(b"host", b"example.org")]


def test_a_target_in_parts_and_in_absolute_form() -> None:
    parts = Head(LIMITS)
    parts.add_target(b"http://example.org/a")
    parts.add_target(b"/b?c=d")
    scope = parts.scope("GET", "1.1")
    assert (scope["path"], scope["query_string"]) == ("/a/b", b"c=d")


@pytest.mark.parametrize("target", [b"*", b"example.org:443", b"http://example.org", b"a/b", b"/\xff"])
def test_a_target_that_is_no_path_is_malformed(target: bytes) -> None:
    assert code_of(head(HOST, target=target).scope, "GET", "1.1") == "malformed_request"


@pytest.mark.parametrize("name", [b"Host", b"Content-Length", b"Transfer-Encoding", b"Expect"])
def test_what_decides_where_a_request_ends_is_sent_once(name: bytes) -> None:
    assert code_of(head((name, b"1")).add_header, name.lower(), b"1") == "malformed_request"


def test_the_head_is_bounded_as_a_whole() -> None:
    assert code_of(Head(LIMITS).add_target, b"/" * 16_385) == "headers_too_large"
    assert code_of(head(HOST, (b"a", b"x" * 9_000)).add_header, b"b", b"x" * 9_000) == "headers_too_large"
    crowded = head(*[(b"h%d" % number, b"") for number in range(100)])
    assert code_of(crowded.add_header, b"one-more", b"") == "headers_too_large"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([], "malformed_request"),
        ([HOST, (b"Transfer-Encoding", b"gzip, chunked")], "malformed_request"),
        ([HOST, (b"Transfer-Encoding", b"identity")], "malformed_request"),
        ([HOST, (b"Content-Length", b"1001")], "body_too_large"),
    ],
)
def test_a_head_that_cannot_be_served_is_refused(headers: list[tuple[bytes, bytes]], code: str) -> None:
    assert code_of(head(*headers).check, is_http_1_1=True) == code


def test_an_old_client_needs_no_host_and_may_not_send_chunks() -> None:
    assert head().check(is_http_1_1=False) is False
    assert code_of(head((b"Transfer-Encoding", b"chunked")).check, is_http_1_1=False) == "malformed_request"


def test_who_waits_before_sending_the_body_is_noticed() -> None:
    assert head(HOST, (b"Expect", b"100-Continue")).check(is_http_1_1=True)
    assert not head(HOST).check(is_http_1_1=True)


def test_an_unknown_method_is_still_a_request() -> None:
    scope = unknown_method(b"FROB /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", LIMITS)
    assert scope is not None
    assert (scope["method"], scope["path"], scope["query_string"]) == ("FROB", "/a", b"b=c")
    for garbage in (
        b"FROB\r\n",
        b"FR OB / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b"FROB a HTTP/1.1\r\n",
        b"F" * 50 + b" / HTTP/1.1\r\n",
    ):
        assert unknown_method(garbage, LIMITS) is None
