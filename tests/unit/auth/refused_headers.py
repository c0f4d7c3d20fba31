"""Tokens refused for their shape or their header."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from clarivum.auth import Reason
from tests.unit.auth.forge import ISSUER, KEY_ID, Forge, b64, claims, header, to_json
from tests.unit.auth.refused_case import Case, Make


def shapes_refused() -> Iterator[Case]:
    """Changes to the text of a good token."""

    def changed(change: Callable[[str, str, str], str]) -> Make:
        return lambda forge, _: change(*forge.token().split("."))

    changes: dict[str, Callable[[str, str, str], str]] = {
        "no signature": lambda h, p, s: f"{h}.{p}.",
        "no signature and no dot": lambda h, p, s: f"{h}.{p}",
        "no payload and no dot": lambda h, p, s: f"{h}.{s}",
        "no header": lambda h, p, s: f".{p}.{s}",
        "only dots": lambda h, p, s: "..",
        "a fourth part": lambda h, p, s: f"{h}.{p}.{s}.AAAA",
        "an empty fourth part": lambda h, p, s: f"{h}.{p}.{s}.",
        "a leading dot": lambda h, p, s: f".{h}.{p}.{s}",
        "padding on the header": lambda h, p, s: f"{h}=.{p}.{s}",
        "padding on the payload": lambda h, p, s: f"{h}.{p}==.{s}",
        "padding on the signature": lambda h, p, s: f"{h}.{p}.{s}==",
        "percent-encoded padding": lambda h, p, s: f"{h}.{p}.{s}%3D%3D",
        "a space before": lambda h, p, s: f" {h}.{p}.{s}",
        "a space after": lambda h, p, s: f"{h}.{p}.{s} ",
        "a line feed after": lambda h, p, s: f"{h}.{p}.{s}\n",
        "a tab inside": lambda h, p, s: f"{h}.{p[:9]}\t{p[9:]}.{s}",
        "a line feed inside": lambda h, p, s: f"{h}.{p}.{s[:64]}\n{s[64:]}",
        "NUL inside": lambda h, p, s: f"{h}.{p}\0.{s}",
        "NUL after": lambda h, p, s: f"{h}.{p}.{s}\0",
        "plus of ordinary base64": lambda h, p, s: f"{h}.{p}.+{s[1:]}",
        "slash of ordinary base64": lambda h, p, s: f"{h}.{p}./{s[1:]}",
        "question mark inside": lambda h, p, s: f"{h}.{p[:4]}?{p[4:]}.{s}",
        "a letter beyond ASCII": lambda h, p, s: f"{h}.{p}.é{s[1:]}",
        "a full-width letter": lambda h, p, s: f"{h}.{p}.\uff21{s[1:]}",
        "a lone surrogate": lambda h, p, s: f"{h}.{p}.\ud800{s[1:]}",
        "a zero-width space": lambda h, p, s: f"{h}.{p}\u200b.{s}",
        "a full-width dot": lambda h, p, s: f"{h}\uff0e{p}\uff0e{s}",
        "in quotation marks": lambda h, p, s: f'"{h}.{p}.{s}"',
        "with its scheme again": lambda h, p, s: f"Bearer {h}.{p}.{s}",
        "two tokens and a comma": lambda h, p, s: f"{h}.{p}.{s},{h}.{p}.{s}",
        "flattened JSON serialisation": lambda h, p, s: json.dumps({"protected": h, "payload": p, "signature": s}),
        "general JSON serialisation": lambda h, p, s: json.dumps(
            {"payload": p, "signatures": [{"protected": h, "signature": s}]}
        ),
        "a header of one character": lambda h, p, s: f"A.{p}.{s}",
        "a header of an impossible length": lambda h, p, s: f"{h[: len(h) // 4 * 4]}A.{p}.{s}",
    }
    for name, change in changes.items():
        yield f"shape: {name}", changed(change), Reason.MALFORMED
    yield "shape: detached payload", changed(lambda h, p, s: f"{h}..{s}"), Reason.MALFORMED
    yield "shape: empty", lambda *_: "", Reason.MALFORMED
    yield "shape: short word", lambda *_: "null", Reason.MALFORMED
    yield "shape: over 8 kB, good otherwise", lambda f, _: f.token(padding="x" * 7_000), Reason.TOO_LARGE
    yield "shape: a megabyte of one letter", lambda *_: "a" * 1_000_000, Reason.TOO_LARGE
    yield "shape: a megabyte of dots", lambda *_: "." * 1_000_000, Reason.TOO_LARGE
    yield "shape: opaque", lambda *_: "dGhpcy1pcy1hbi1vcGFxdWUtdG9rZW4", Reason.OPAQUE
    yield "shape: opaque with other letters", lambda *_: "v1.abc~def/ghi+jkl=".replace(".", "_"), Reason.OPAQUE
    encrypted = b64(to_json({"alg": "dir", "enc": "A256GCM", "iss": ISSUER}))
    yield "shape: encrypted, as Auth0's opaque ones", lambda *_: f"{encrypted}..aXY.Y2lwaGVy.dGFn", Reason.OPAQUE
    yield (
        "shape: last character of the payload not canonical",
        lambda f, _: f.over(b64(to_json(header())), _loose(to_json(claims()))),
        Reason.MALFORMED,
    )
    yield (
        "shape: last character of the header not canonical",
        lambda f, _: f.over(_loose(to_json(header())), b64(to_json(claims()))),
        Reason.MALFORMED,
    )
    yield "shape: last character of the signature not canonical", lambda f, _: _next_letter(f.token()), Reason.MALFORMED


def _loose(data: bytes) -> str:
    """Base64url whose last character says more than the bytes need: decoders that are not strict read the same."""
    while len(data) % 3 == 0:
        data = data[:-1] + b" " + data[-1:]
    return _next_letter(b64(data))


def _next_letter(part: str) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return part[:-1] + alphabet[alphabet.index(part[-1]) + 1]


def headers_refused() -> Iterator[Case]:
    """Headers, each signed by the issuer as it stands."""

    def changed(**changes: Any) -> Make:
        return lambda forge, _: forge.token(header(**changes))

    def raw(data: bytes) -> Make:
        return lambda forge, _: forge.raw(data, to_json(claims()))

    kid = KEY_ID.encode()
    yield from (
        ("header: not JSON", raw(b"alg=RS256"), Reason.MALFORMED),
        ("header: not UTF-8", raw(b'{"alg":"RS256","kid":"\xff"}'), Reason.MALFORMED),
        ("header: UTF-16", raw('{"alg":"RS256"}'.encode("utf-16")), Reason.MALFORMED),
        ("header: byte order mark", raw(b"\xef\xbb\xbf" + to_json(header())), Reason.MALFORMED),
        ("header: an array", raw(b'["RS256"]'), Reason.MALFORMED),
        ("header: a string", raw(b'"RS256"'), Reason.MALFORMED),
        ("header: null", raw(b"null"), Reason.MALFORMED),
        ("header: something after the object", raw(to_json(header()) + b"{}"), Reason.MALFORMED),
        ("header: trailing comma", raw(b'{"alg":"RS256","kid":"' + kid + b'",}'), Reason.MALFORMED),
        ("header: comment", raw(b'{"alg":"RS256"/*,*/,"kid":"' + kid + b'"}'), Reason.MALFORMED),
        ("header: single quotes", raw(b"{'alg':'RS256'}"), Reason.MALFORMED),
        ("header: duplicate alg", raw(b'{"alg":"none","alg":"RS256","kid":"' + kid + b'"}'), Reason.MALFORMED),
        ("header: duplicate kid", raw(b'{"alg":"RS256","kid":"x","kid":"' + kid + b'"}'), Reason.MALFORMED),
        ("header: duplicate by escape", raw(b'{"alg":"RS256","\\u0061lg":"none","kid":"k"}'), Reason.MALFORMED),
        ("header: empty object", raw(b"{}"), Reason.HEADER),
        ("header: deep nesting", raw(b'{"a":' + b"[" * 500 + b"]" * 500 + b"}"), Reason.MALFORMED),
        ("header: NaN", raw(b'{"alg":"RS256","kid":"' + kid + b'","x":NaN}'), Reason.MALFORMED),
    )
    for name, value in {"missing": ..., "null": None, "a number": 256, "a list": ["RS256"], "an object": {}}.items():
        yield f"header: alg {name}", changed(alg=value), Reason.HEADER
    for name, value in {"null": None, "a number": 1, "a list": ["JWT"], "an object": {"JWT": 1}}.items():
        yield f"header: typ {name}", changed(typ=value), Reason.TYPE
    for value in ("jwt", "JWE", "id+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt", "JOSE", "", "JWT ", "at+jwt;v=1"):
        yield f"header: typ {value!r}", changed(typ=value), Reason.TYPE
    unsafe = {
        "missing": ...,
        "null": None,
        "a number": 1,
        "a list": [KEY_ID],
        "empty": "",
        "a path": "../../dev/null",
        "an absolute path": "/etc/passwd",
        "a Windows path": "..\\..\\key",
        "a URL": "https://evil.example/key",
        "SQL": "x' union select 'key' --",
        "NUL": f"{KEY_ID}\0",
        "a command": "key|id",
        "a line feed": f"{KEY_ID}\n",
        "129 characters": "k" * 129,
        "4 kB": "k" * 4_000,
        "beyond ASCII": "kéy-1",
        "an object": {"$ne": ""},
    }
    for name, value in unsafe.items():
        reason = Reason.MALFORMED if name == "NUL" else Reason.HEADER
        yield f"header: kid {name}", changed(kid=value), reason
    for value in ("key-2", "KEY-1", "key-1.", "__proto__", "constructor"):
        yield f"header: kid {value!r} that nobody published", changed(kid=value), Reason.UNKNOWN_KEY


def brought_along_refused() -> Iterator[Case]:
    """Headers that bring a key, say where to fetch one, or change how the token is read. Nothing is fetched."""

    def embedded(_: Forge, stranger: Forge) -> str:
        return stranger.token(header(jwk=stranger.published()))

    yield "header: embedded jwk, signed with it", embedded, Reason.HEADER
    yield "header: embedded jwk of the issuer", lambda f, _: f.token(header(jwk=f.published())), Reason.HEADER
    members: dict[str, Any] = {
        "jku": "https://evil.example/.well-known/jwks.json",
        "x5u": "https://evil.example/cert.pem",
        "x5c": ["MIIB"],
        "crit": ["exp"],
        "b64": True,
        "cty": "JWT",
        "zip": "DEF",
        "enc": "A256GCM",
        "jwk": None,
    }
    for name, value in members.items():
        yield f"header: {name}", lambda f, _, n=name, v=value: f.token(header(**{n: v})), Reason.HEADER
    yield (
        "header: jku of the issuer itself",
        lambda f, _: f.token(header(jku=f"{ISSUER}.well-known/jwks.json")),
        Reason.HEADER,
    )
    yield "header: crit empty", lambda f, _: f.token(header(crit=[])), Reason.HEADER

    def unencoded(forge: Forge, _: Forge) -> str:
        return forge.over(b64(to_json(header(b64=False, crit=["b64"]))), b64(to_json(claims())))

    yield "header: b64 false", unencoded, Reason.HEADER
