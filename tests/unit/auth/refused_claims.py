"""Tokens refused for what they say, though the issuer signed it."""

from collections.abc import Iterator
from typing import Any

from clarivum.auth import Reason
from tests.unit.auth.forge import AUDIENCE, ISSUER, NOW, ROLES_CLAIM, claims, header, to_json
from tests.unit.auth.refused_case import Case, Make


def documents_refused() -> Iterator[Case]:
    """Payloads that are no strict JSON object, signed by the issuer."""

    def raw(data: bytes) -> Make:
        return lambda forge, _: forge.raw(to_json(header()), data)

    def with_member(member: bytes) -> Make:
        return raw(to_json(claims())[:-1] + b"," + member + b"}")

    payloads = {
        "empty": b"",
        "an array": b"[]",
        "a string": b'"sub"',
        "a number": b"1",
        "null": b"null",
        "not UTF-8": b'{"sub":"\xff\xfe"}',
        "overlong UTF-8": b'{"sub":"\xc0\xaf"}',
        "an encoded surrogate": b'{"sub":"\xed\xa0\x80"}',
        "byte order mark": b"\xef\xbb\xbf" + to_json(claims()),
        "cut off": to_json(claims())[:-1],
        "two objects": to_json(claims()) * 2,
        "a raw line feed in a string": b'{"sub":"auth0|\n"}',
        "compressed": b"\x78\x9c\x4b\x4c\x4a\x06\x00",
        "nothing but brackets": b"[" * 5_000,
        "brackets after a quotation mark": b'{"a":"' + b'\\"[' * 1_500,
    }
    for name, data in payloads.items():
        yield f"payload: {name}", raw(data), Reason.MALFORMED
    members = {
        "duplicate sub": b'"sub":"auth0|bob"',
        "duplicate exp": b'"exp":9999999999',
        "duplicate role claim": b'"' + ROLES_CLAIM.encode() + b'":["admin"]',
        "duplicate by escape": b'"s\\u0075b":"auth0|bob"',
        "duplicate in a nested object": b'"x":{"a":1,"a":2}',
        "NaN": b'"x":NaN',
        "Infinity": b'"x":-Infinity',
        "1e400": b'"x":1e400',
        "a number of 30 digits": b'"x":' + b"9" * 30,
        "a number of 5,000 digits": b'"x":' + b"9" * 5_000,
        "a leading zero": b'"x":01',
        "an escaped NUL": b'"x":"\\u0000"',
        "a lone surrogate": b'"x":"\\ud800"',
        "a lone surrogate in a name": b'"\\udfff":1',
        "17 levels": b'"x":' + b"[" * 16 + b"]" * 16,
        "2,000 levels": b'"x":' + b"[" * 2_000 + b"]" * 2_000,
        "500 nested objects": b'"x":' + b'{"a":' * 500 + b"1" + b"}" * 500,
    }
    for name, member in members.items():
        yield f"payload: {name}", with_member(member), Reason.MALFORMED


def claims_refused() -> Iterator[Case]:
    """Claims that do not fit, signed by the issuer."""

    def changed(**changes: Any) -> Make:
        return lambda forge, _: forge.token(**changes)

    issuers = {
        "missing": ...,
        "null": None,
        "a list": [ISSUER],
        "empty": "",
        "without the last slash": ISSUER.rstrip("/"),
        "with two slashes": f"{ISSUER}/",
        "a prefix": "https://clarivum.eu.auth0.com",
        "longer": f"{ISSUER}evil/",
        "in a subdomain": "https://clarivum.eu.auth0.com.evil.example/",
        "with http": ISSUER.replace("https", "http"),
        "in capitals": ISSUER.upper(),
        "with a port": "https://clarivum.eu.auth0.com:443/",
        "with user information": "https://clarivum.eu.auth0.com@evil.example/",
        "with a space": f"{ISSUER} ",
        "of another tenant": "https://other.eu.auth0.com/",
    }
    for name, value in issuers.items():
        yield f"iss: {name}", changed(iss=value), Reason.ISSUER
    audiences = {
        "missing": ...,
        "null": None,
        "empty": "",
        "an empty list": [],
        "another API": "https://api.other.example",
        "a longer name": f"{AUDIENCE}/admin",
        "a shorter name": AUDIENCE[:-1],
        "with a slash": f"{AUDIENCE}/",
        "in capitals": AUDIENCE.upper(),
        "joined by a space": f"{AUDIENCE} https://other.example",
        "an object": {AUDIENCE: True},
        "a list in a list": [[AUDIENCE]],
        "a list with a number": [AUDIENCE, 1],
        "a list with null": [AUDIENCE, None],
        "only userinfo": [f"{ISSUER}userinfo"],
        "the client, as an ID token's": "b3RoZXIgY2xpZW50IGlk",
        "true": True,
    }
    for name, value in audiences.items():
        yield f"aud: {name}", changed(aud=value), Reason.AUDIENCE
    subjects = {
        "missing": ...,
        "null": None,
        "empty": "",
        "a number": 7,
        "a list": ["auth0|alice"],
        "an object": {},
        "with a line feed": "auth0|alice\n",
        "with an escape": "auth0|\x1b[2J",
        "256 characters": "a" * 256,
    }
    for name, value in subjects.items():
        yield f"sub: {name}", changed(sub=value), Reason.CLAIMS
    for name in ("nonce", "at_hash", "c_hash", "s_hash", "events"):
        yield f"ID token: {name}", changed(**{name: "x"}), Reason.ID_TOKEN


def times_refused() -> Iterator[Case]:
    def changed(**changes: Any) -> Make:
        return lambda forge, _: forge.token(**changes)

    odd: dict[str, Any] = {
        "null": None,
        "a string": str(NOW + 60),
        "a list": [NOW + 60],
        "an object": {},
        "true": True,
        "a fraction": NOW + 60.5,
        "a float": float(NOW + 60),
        "negative": -1,
        "the year 10000": 253_402_300_800,
        "milliseconds": (NOW + 60) * 1_000,
        "18 digits": 10**17,
    }
    for claim in ("exp", "nbf", "iat"):
        for name, value in odd.items():
            yield f"{claim}: {name}", changed(**{claim: value}), Reason.CLAIMS
    yield "exp: missing", changed(exp=...), Reason.CLAIMS
    yield "exp: 30 s ago", changed(exp=NOW - 30), Reason.EXPIRED
    yield "exp: a day ago", changed(exp=NOW - 86_400), Reason.EXPIRED
    yield "exp: zero", changed(exp=0), Reason.EXPIRED
    yield "nbf: 31 s ahead", changed(nbf=NOW + 31), Reason.NOT_YET_VALID
    yield "iat: 31 s ahead", changed(iat=NOW + 31), Reason.NOT_YET_VALID
    yield "nbf: the year 9999", changed(nbf=253_402_300_799), Reason.NOT_YET_VALID
