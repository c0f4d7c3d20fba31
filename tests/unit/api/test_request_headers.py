"""Headers with a meaning: If-Match, Idempotency-Key, Content-Type; and response headers that must not break."""

import pytest

from clarivum.api.idempotency import keyed_request, read_key
from clarivum.api.request import headers_of, require_json
from clarivum.api.response import header_lines
from clarivum.api.revision import entity_tag, parse_if_match
from clarivum.errors import DeclarationError, RequestError


def code_of(call: object, *args: object, **kwargs: object) -> str:
    with pytest.raises(RequestError) as raised:
        call(*args, **kwargs)  # type: ignore[operator]
    return raised.value.code.name


def test_if_match_names_the_revision_the_change_is_based_on() -> None:
    revision = parse_if_match(f" {entity_tag(7)} ")
    assert revision.number == 7
    revision.require(7)
    assert code_of(revision.require, 8) == "revision_stale"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "revision_required"),
        ("*", "revision_required"),
        ("", "malformed_request"),
        ("7", "malformed_request"),
        ('"7', "malformed_request"),
        ('"7", "8"', "malformed_request"),
        ('W/"7"', "revision_stale"),
        ('"abc"', "revision_stale"),
        ('"0"', "revision_stale"),
        ('"07"', "revision_stale"),
        ('"99999999999"', "revision_stale"),
        ('"2147483648"', "revision_stale"),
        ('""', "revision_stale"),
    ],
)
def test_other_tags_are_refused(header: str | None, code: str) -> None:
    assert code_of(parse_if_match, header) == code


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (b'"5b2c7a90"', b"5b2c7a90"),
        (b"5b2c7a90", b"5b2c7a90"),
        (b' "a b" ', b"a b"),
        (rb'"a\"b\\c"', rb"a" + b'"b\\c'),
        (b"x" * 255, b"x" * 255),
        (None, None),
    ],
)
def test_a_key_is_quoted_or_not(header: bytes | None, key: bytes | None) -> None:
    assert read_key(header, required=False) == key


@pytest.mark.parametrize(
    "header",
    [b"", b'""', b"a b", b'"a', b'a"b', b"x" * 256, b"\xc3\xa9", b'"\xc3\xa9"', b'"a"; b=1', b"a, b", rb'"\a"'],
)
def test_a_malformed_key_is_refused(header: bytes) -> None:
    assert code_of(read_key, header, required=False) == "invalid_idempotency_key"


def test_a_required_key_must_be_there() -> None:
    assert code_of(read_key, None, required=True) == "invalid_idempotency_key"


def test_a_key_belongs_to_caller_and_route_and_its_fingerprint_to_the_request() -> None:
    def made(
        key: bytes = b"k", caller: str | None = "a", route: str = "POST /x", query: bytes = b"", body: bytes = b"{}"
    ) -> tuple[bytes, bytes]:
        request = keyed_request(key, caller=caller, route=route, target=(b"/x", query), body=body)
        return request.digest, request.fingerprint

    digest, fingerprint = made()
    assert made() == (digest, fingerprint)
    others = [made(key=b"l"), made(caller="b"), made(caller=None), made(route="POST /y")]
    assert len({digest, *(other[0] for other in others)}) == 5
    assert made(body=b"{ }") == (digest, made(body=b"{ }")[1])
    assert len({fingerprint, made(body=b"{ }")[1], made(query=b"a=1")[1]}) == 3


@pytest.mark.parametrize(
    "content_type",
    [b"application/json", b"Application/JSON", b"application/json; charset=utf-8", b'application/json;charset="UTF-8"'],
)
def test_json_in_utf8_is_taken(content_type: bytes) -> None:
    require_json({b"content-type": content_type})
    require_json({b"content-type": content_type, b"content-encoding": b"identity"})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"content-type": b""},
        {b"content-type": b"text/plain"},
        {b"content-type": b"application/x-www-form-urlencoded"},
        {b"content-type": b"application/json; charset=latin-1"},
        {b"content-type": b"application/json, text/plain"},
        {b"content-type": b"application/json", b"content-encoding": b"gzip"},
    ],
)
def test_any_other_body_is_refused(headers: dict[bytes, bytes]) -> None:
    assert code_of(require_json, headers) == "unsupported_media_type"


def test_headers_of_one_name_are_joined() -> None:
    pairs = [(b"x-forwarded-for", b"a"), (b"accept", b"*/*"), (b"x-forwarded-for", b"b")]
    assert headers_of({"headers": pairs}) == {b"x-forwarded-for": b"a, b", b"accept": b"*/*"}


@pytest.mark.parametrize(
    "headers", [{"x": "a\r\nset-cookie: b"}, {"x\r\ny": "a"}, {"x": "é"}, {"x y": "a"}, {"x": "\0"}]
)
def test_a_response_header_cannot_start_another_one(headers: dict[str, str]) -> None:
    with pytest.raises(DeclarationError):
        header_lines(headers)
