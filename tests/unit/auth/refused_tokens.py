"""The table of tokens that must not get in: name → (how it is made, why it is refused).

Every case is signed by the issuer's real key unless it is about signatures, so that the named rule alone refuses it.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clarivum.auth import Reason
from tests.unit.auth.forge import AUDIENCE, ISSUER, KEY_ID, NOW, ROLES_CLAIM, Forge, b64, claims, header, to_json

Make = Callable[[Forge, Forge], str]
Case = tuple[str, Make, Reason]


def _shapes() -> Iterator[Case]:
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


def _headers() -> Iterator[Case]:
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


def _brought_along() -> Iterator[Case]:
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


def _algorithms() -> Iterator[Case]:
    """Signatures by other algorithms, each a real one where it can be."""
    for name in ("none", "None", "NONE", "nOnE", "none\n"):
        head = b64(to_json(header(alg=name)))
        body = b64(to_json(claims()))
        yield f"alg: {name!r} without signature", lambda *_, t=f"{head}.{body}.": t, Reason.MALFORMED
        yield f"alg: {name!r} with a signature", lambda f, _, h=head, b=body: f.over(h, b), Reason.ALGORITHM
    for name in ("rs256", "RS256 ", "RS-256", "RS255", "RSA-OAEP", "ES256", "PS256", "EdDSA", "HS256", "HS512", "dir"):
        yield f"alg: {name!r} over an RS256 signature", lambda f, _, n=name: f.token(header(alg=n)), Reason.ALGORITHM

    secrets: dict[str, Callable[[Forge], bytes]] = {
        "public PEM": lambda f: f.key.as_pem(private=False),
        "public PEM without its last line feed": lambda f: f.key.as_pem(private=False).rstrip(b"\n"),
        "public DER": lambda f: f.key.as_der(private=False),
        "PKCS #1 PEM": lambda f: f.key.public_key.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        "JWK": lambda f: to_json(f.published()),
        "modulus": lambda f: str(f.published()["n"]).encode(),
        "empty key": lambda _: b"",
    }
    for name, secret in secrets.items():
        yield f"alg: HS256 with the {name}", lambda f, _, s=secret: _mac(f, s), Reason.ALGORITHM
    for size, digest in ((384, hashes.SHA384()), (512, hashes.SHA512())):
        yield f"alg: RS{size}, real", lambda f, _, s=size, d=digest: _rsa(f, f"RS{s}", d), Reason.ALGORITHM
    yield "alg: PS256, real", lambda f, _: _pss(f), Reason.ALGORITHM
    yield "alg: ES256, real, by a key of its own", lambda *_: _ecdsa(), Reason.ALGORITHM


def _signing_input(algorithm: str) -> str:
    return f"{b64(to_json(header(alg=algorithm)))}.{b64(to_json(claims()))}"


def _mac(forge: Forge, secret: Callable[[Forge], bytes]) -> str:
    text = _signing_input("HS256")
    return f"{text}.{b64(hmac.new(secret(forge), text.encode(), hashlib.sha256).digest())}"


def _rsa(forge: Forge, algorithm: str, digest: hashes.HashAlgorithm) -> str:
    text = _signing_input(algorithm)
    assert forge.key.private_key is not None
    return f"{text}.{b64(forge.key.private_key.sign(text.encode(), padding.PKCS1v15(), digest))}"


def _pss(forge: Forge) -> str:
    text = _signing_input("PS256")
    assert forge.key.private_key is not None
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
    return f"{text}.{b64(forge.key.private_key.sign(text.encode(), scheme, hashes.SHA256()))}"


def _ecdsa() -> str:
    text = _signing_input("ES256")
    r, s = decode_dss_signature(ec.generate_private_key(ec.SECP256R1()).sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _signatures() -> Iterator[Case]:
    """Good tokens whose signature is not theirs."""

    def resigned(change: Callable[[bytes, int], bytes]) -> Make:
        def make(forge: Forge, _: Forge) -> str:
            text = forge.token().rpartition(".")[0]
            modulus = forge.key.public_key.public_numbers().n
            return f"{text}.{b64(change(forge.sign(text), modulus))}"

        return make

    for bit in (0, 1, 7, 8, 64, 1_000, 1_024, 2_000, 2_046, 2_047):
        yield (
            f"signature: bit {bit} flipped",
            resigned(lambda s, _, b=bit: s[: b // 8] + bytes([s[b // 8] ^ (1 << b % 8)]) + s[b // 8 + 1 :]),
            Reason.SIGNATURE,
        )
    changes: dict[str, Callable[[bytes, int], bytes]] = {
        "one byte short": lambda s, _: s[:-1],
        "first byte missing": lambda s, _: s[1:],
        "a zero before": lambda s, _: b"\0" + s,
        "a zero after": lambda s, _: s + b"\0",
        "all zeros": lambda s, _: bytes(len(s)),
        "the number one": lambda s, _: (1).to_bytes(len(s), "big"),
        "the modulus": lambda s, n: n.to_bytes(len(s), "big"),
        "the modulus less one": lambda s, n: (n - 1).to_bytes(len(s), "big"),
        "the modulus added": lambda s, n: (int.from_bytes(s, "big") + n).to_bytes(len(s) + 1, "big"),
        "all ones": lambda s, _: b"\xff" * len(s),
        "reversed": lambda s, _: s[::-1],
        "twice": lambda s, _: s + s,
        "one byte": lambda s, _: s[:1],
        "4 kB": lambda s, _: s * 16,
    }
    for name, change in changes.items():
        yield f"signature: {name}", resigned(change), Reason.SIGNATURE

    def swapped(forge: Forge, _: Forge) -> str:
        head, _, signature = forge.token().split(".")
        return f"{head}.{b64(to_json(claims(sub='auth0|bob')))}.{signature}"

    def unsigned_pkcs1(forge: Forge, _: Forge) -> str:
        """PKCS #1 padding as Bleichenbacher forged it: the digest, then garbage, where padding should be."""
        text = forge.token().rpartition(".")[0]
        prefix = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(text.encode()).digest()
        forged = (b"\0\1" + b"\xff" * 8 + b"\0" + prefix).ljust(256, b"\xaa")
        return f"{text}.{b64(forged)}"

    yield "signature: of another payload", swapped, Reason.SIGNATURE
    yield "signature: by a stranger under the issuer's kid", lambda _, s: s.token(), Reason.SIGNATURE
    yield "signature: the padded digest itself", unsigned_pkcs1, Reason.SIGNATURE
    yield "signature: of the header alone", lambda f, _: _over_half(f, 0), Reason.SIGNATURE
    yield "signature: of the payload alone", lambda f, _: _over_half(f, 1), Reason.SIGNATURE


def _over_half(forge: Forge, part: int) -> str:
    text = forge.token().rpartition(".")[0]
    return f"{text}.{b64(forge.sign(text.split('.')[part]))}"


def _documents() -> Iterator[Case]:
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


def _claims() -> Iterator[Case]:
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


def _times() -> Iterator[Case]:
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


def _all() -> dict[str, tuple[Make, Reason]]:
    cases: dict[str, tuple[Make, Reason]] = {}
    kinds = (_shapes, _headers, _brought_along, _algorithms, _signatures, _documents, _claims, _times)
    for kind in kinds:
        for name, make, reason in kind():
            assert name not in cases, name
            cases[name] = (make, reason)
    return cases


REFUSED_TOKENS = _all()
