"""The table of session cookies that must not get in: name → (how its cookies are made, why they are refused).

Every case is sealed with the real secret unless it is about the seal, so that the named rule alone refuses it.
"""

import json
import zlib
from collections.abc import Callable, Iterator

from clarivum.auth.cookies import SessionReason
from tests.unit.auth.cookie_forge import ENCS, OTHER_SECRET, CookieForge, Pairs, altered
from tests.unit.auth.cookie_forge import claims as session_claims
from tests.unit.auth.forge import NOW, b64, to_json

Case = tuple[Callable[[CookieForge], Pairs], SessionReason]


def _seals() -> Iterator[tuple[str, Case]]:
    seal, malformed = SessionReason.SEAL, SessionReason.MALFORMED
    for part, where in ((2, "iv"), (3, "ciphertext"), (4, "tag")):
        yield f"a bit of the {where}", (lambda f, part=part: f.pairs(altered(f.value(), part)), seal)
    yield "a bit of the last block", (lambda f: f.pairs(altered(f.value(), 3, -4)), seal)
    yield "a bit of the header", (lambda f: f.pairs(altered(f.value(), 0)), SessionReason.HEADER)
    yield "another secret", (lambda f: [(f.name, CookieForge(f.format, secret=OTHER_SECRET).value())], seal)
    yield (
        "another secret without kid",
        (lambda f: f.pairs((g := CookieForge(f.format, secret=OTHER_SECRET)).value(g.header(kid=...))), seal),
    )
    yield "a kid of nobody", (lambda f: f.pairs(f.value(f.header(kid="nobody"))), seal)
    yield "a kid that is a number", (lambda f: f.pairs(f.value(f.header(kid=1))), seal)
    yield "a kid that is null", (lambda f: f.pairs(f.value(f.header(kid=None))), seal)
    yield "the tag cut short", (lambda f: f.pairs(f.value()[:-8]), malformed)
    yield "the tag of another cookie", (lambda f: f.pairs(_with_part(f.value(), 4, f.value())), seal)
    yield "the header of another key", (lambda f: f.pairs(_under(f, {"alg": "dir", "enc": ENCS[f.format]}, " ")), seal)
    yield (
        "the other format's cookie",
        (lambda f: [(f.name, CookieForge(_other(f.format)).value())], SessionReason.MALFORMED),
    )


def _headers() -> Iterator[tuple[str, Case]]:
    reason = SessionReason.HEADER
    for algorithm in ("RSA-OAEP", "RSA-OAEP-256", "RSA1_5", "A256KW", "A256GCMKW", "ECDH-ES", "PBES2-HS256+A128KW"):
        yield f"alg {algorithm}", (lambda f, a=algorithm: f.pairs(f.value(f.header(alg=a))), reason)
    for algorithm in ("none", "DIR", "", None, 1, ["dir"]):
        yield f"alg {algorithm!r}", (lambda f, a=algorithm: f.pairs(f.value(f.header(alg=a))), reason)
    yield "no alg", (lambda f: f.pairs(f.value(f.header(alg=...))), reason)
    yield "no enc", (lambda f: f.pairs(f.value(f.header(enc=...))), reason)
    yield "the other format's enc", (lambda f: f.pairs(f.value(f.header(enc=ENCS[_other(f.format)]))), reason)
    for enc in ("A128CBC-HS256", "A128GCM", "a256gcm", None):
        yield f"enc {enc!r}", (lambda f, e=enc: f.pairs(f.value(f.header(enc=e))), reason)
    for member, content in (
        ("zip", "DEF"),
        ("zip", None),
        ("crit", ["exp"]),
        ("crit", []),
        ("cty", "JWT"),
        ("b64", False),
    ):
        yield f"{member} {content!r}", (lambda f, m=member, c=content: f.pairs(f.value(f.header(**{m: c}))), reason)
    for member in ("jwk", "jku", "x5u", "p2c", "epk", "apu", "exp"):
        yield f"a {member}", (lambda f, m=member: f.pairs(f.value(f.header(**{m: "x"}))), reason)
    yield "typ at+jwt", (lambda f: f.pairs(f.value(f.header(typ="at+jwt"))), reason)
    yield (
        "compressed",
        (lambda f: f.pairs(f.raw(to_json(f.header(zip="DEF")), _deflated(to_json(session_claims())))), reason),
    )
    malformed = SessionReason.MALFORMED
    yield (
        "compressed, unsaid",
        (lambda f: f.pairs(f.raw(to_json(f.header()), _deflated(to_json(session_claims())))), malformed),
    )
    yield (
        "alg twice",
        (lambda f: f.pairs(f.raw(b'{"alg":"none",' + to_json(f.header())[1:], to_json(session_claims()))), malformed),
    )
    for raw in (b"[]", b"null", b'"dir"', b"{", b"", b"\xff\xfe{}"):
        yield f"the header {raw!r}", (lambda f, r=raw: f.pairs(f.raw(r, to_json(session_claims()))), malformed)
    yield "a header of 2 kB", (lambda f: f.pairs(f.value(f.header(typ="x" * 2_000))), malformed)


def _claims() -> Iterator[tuple[str, Case]]:
    reason = SessionReason.CLAIMS
    yield "expired", (lambda f: f.pairs(f.value(exp=NOW - 31)), SessionReason.EXPIRED)
    yield "expired at the end of the skew", (lambda f: f.pairs(f.value(exp=NOW - 30)), SessionReason.EXPIRED)
    yield "exp 0", (lambda f: f.pairs(f.value(exp=0)), SessionReason.EXPIRED)
    yield "exp missing", (lambda f: f.pairs(f.value(exp=...)), reason)
    for number, value in enumerate((str(NOW + 60), None, True, -1, 10**18, NOW + 60.5, [NOW + 60], {})):
        yield f"exp {number}: {value!r}"[:40], (lambda f, v=value: f.pairs(f.value(exp=v)), reason)
    yield "iat ahead", (lambda f: f.pairs(f.value(iat=NOW + 31)), SessionReason.NOT_YET_VALID)
    yield "nbf ahead", (lambda f: f.pairs(f.value(nbf=NOW + 31)), SessionReason.NOT_YET_VALID)
    yield "iat text", (lambda f: f.pairs(f.value(iat="now")), reason)
    yield "iat null", (lambda f: f.pairs(f.value(iat=None)), reason)
    for name, payload in (
        ("NaN", b'{"exp":NaN}'),
        ("Infinity", b'{"exp":Infinity}'),
        ("1e400", b'{"exp":1e400}'),
        ("exp twice", b'{"exp":1,"exp":%d}' % (NOW + 60)),
        ("no JSON", b"session"),
        ("an array", b"[1]"),
        ("nothing", b""),
        ("no UTF-8", b'{"name":"\xff"}'),
        ("a lone surrogate", b'{"name":"\\ud800"}'),
        ("deep", b'{"a":' + b"[" * 40 + b"]" * 40 + b"}"),
    ):
        yield (
            f"the payload: {name}",
            (lambda f, p=payload: f.pairs(f.raw(to_json(f.header()), p)), SessionReason.MALFORMED),
        )
    yield (
        "a JWT inside",
        (
            lambda f: f.pairs(f.raw(to_json(f.header()), f"{b64(b'{}')}.{b64(to_json(session_claims()))}.".encode())),
            SessionReason.MALFORMED,
        ),
    )
    for value in (1, ["a.b.c"], {"token": "a.b.c"}, True):
        yield (
            f"access_token {value!r}",
            (lambda f, v=value: f.pairs(f.value(access_token=v)), SessionReason.ACCESS_TOKEN),
        )


def _shapes() -> Iterator[tuple[str, Case]]:
    reason = SessionReason.MALFORMED
    for name, value in (
        ("empty", ""),
        ("a word", "session"),
        ("dots", "...."),
        ("three parts", "e30.e30.e30"),
        ("JSON", json.dumps({"protected": "e30"})),
        ("a random id, as a database session has", "f3a8a3e2-7d1b-4ef1-8c39-d0a1f1c7a001"),
    ):
        yield f"{name}", (lambda f, v=value: f.pairs(v), reason)
    yield "six parts", (lambda f: f.pairs(f.value() + ".AAAA"), reason)
    yield "four parts", (lambda f: f.pairs(f.value().rpartition(".")[0]), reason)
    yield "an encrypted key", (lambda f: f.pairs(f.value().replace("..", ".AAAA.", 1)), reason)
    yield "padding", (lambda f: f.pairs(f.value() + "="), reason)
    yield "percent-encoded", (lambda f: f.pairs(f.value().replace(".", "%2E")), reason)
    yield "a space in it", (lambda f: f.pairs(f.value()[:40] + " " + f.value()[40:]), reason)
    yield "a line's end", (lambda f: f.pairs(f.value() + "\n"), reason)
    yield "base64 instead of base64url", (lambda f: f.pairs(_with_part(f.value(), 3, "x.x.x.+/+/.x")), reason)
    yield "not ASCII", (lambda f: f.pairs("ä" + f.value()[1:]), reason)
    yield "a lone surrogate as text", (lambda f: f.pairs("\ud800" + f.value()[1:]), reason)
    yield "bits beyond the last byte", (lambda f: f.pairs(_unclean(f.value())), reason)
    yield "too large", (lambda f: f.pairs(f.value(name="x" * 30_000)), SessionReason.TOO_LARGE)


def _chunks() -> Iterator[tuple[str, Case]]:
    chunks, twice = SessionReason.CHUNKS, SessionReason.AMBIGUOUS
    yield "the first chunk missing", (lambda f: f.chunks()[1:], chunks)
    yield "a chunk missing", (lambda f: (c := f.chunks())[:1] + c[2:], chunks)
    yield "the last chunk missing", (lambda f: f.chunks()[:-1], SessionReason.MALFORMED)
    yield "two chunks that changed places", (lambda f: _exchanged(f.chunks(size=20)), SessionReason.SEAL)
    yield "an extra chunk", (lambda f: [*(c := f.chunks()), (f"{f.name}.{len(c)}", "AAAA")], SessionReason.MALFORMED)
    yield "an extra chunk with a gap", (lambda f: [*f.chunks(), (f"{f.name}.40", "AAAA")], chunks)
    yield "an empty chunk", (lambda f: [*(c := f.chunks()), (f"{f.name}.{len(c)}", "")], chunks)
    yield "a chunk twice", (lambda f: [*(c := f.chunks()), c[1]], twice)
    yield "a chunk twice with another value", (lambda f: [*(c := f.chunks()), (c[1][0], "AAAA")], twice)
    yield "whole and in chunks", (lambda f: [*f.chunks(v := f.value()), (f.name, v)], twice)
    yield "twice", (lambda f: [*(p := f.pairs()), p[1]], twice)
    yield "twice with another value", (lambda f: [*f.pairs(), *f.pairs()], twice)
    yield "a chunk with a leading zero", (lambda f: [*(c := f.chunks())[:1], (f"{f.name}.01", c[1][1]), *c[2:]], chunks)
    yield "a chunk with a leading zero beside it", (lambda f: [*(c := f.chunks()), (f"{f.name}.00", c[0][1])], chunks)
    yield "a chunk of a huge number", (lambda f: [*f.chunks(), (f"{f.name}.{9 * 10**30}", "AAAA")], chunks)
    yield "a number of 5,000 digits", (lambda f: [*f.chunks(), (f"{f.name}.{'9' * 5_000}", "AAAA")], chunks)
    yield "chunks from 1", (lambda f: [(f"{f.name}.{n}", v) for n, (_, v) in enumerate(f.chunks(), 1)], chunks)
    yield "65 chunks", (lambda f: [(f"{f.name}.{n}", "AAAA") for n in range(65)], SessionReason.TOO_LARGE)
    yield "chunks of another session", (lambda f: [*f.chunks()[:3], *f.chunks()[3:]], SessionReason.SEAL)
    yield "chunks too large together", (lambda f: f.chunks(f.value(name="x" * 30_000), 3_936), SessionReason.TOO_LARGE)


def _other(format: str) -> str:
    return "nextauth" if format == "authjs" else "authjs"


def _with_part(value: str, part: int, source: str) -> str:
    parts = value.split(".")
    parts[part] = source.split(".")[part]
    return ".".join(parts)


def _under(forge: CookieForge, header: dict[str, str], space: str) -> str:
    """The cookie with its header written anew: the same members, other bytes."""
    value = forge.value(header)
    spaced = json.dumps(header, separators=("," + space, ":" + space)).encode()
    return b64(spaced) + value[value.index(".") :]


def _deflated(payload: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(payload) + compressor.flush()


def _exchanged(pairs: Pairs) -> Pairs:
    """Two chunks of the ciphertext with each other's value."""
    (first, one), (second, other) = pairs[-7], pairs[-6]
    return [*pairs[:-7], (first, other), (second, one), *pairs[-5:]]


def _unclean(value: str) -> str:
    """The tag with a bit set that no byte of it holds: another text of the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return value[:-1] + alphabet[alphabet.index(value[-1]) + 1]


REFUSED_COOKIES: dict[str, Case] = {
    name: case for cases in (_seals(), _headers(), _claims(), _shapes(), _chunks()) for name, case in cases
}
