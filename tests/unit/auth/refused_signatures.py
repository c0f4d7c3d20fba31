"""Tokens refused for their algorithm or their signature."""

import hashlib
import hmac
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clarivum.auth import Reason
from tests.unit.auth.forge import Forge, b64, claims, header, to_json
from tests.unit.auth.refused_case import Case, Make


def algorithms_refused() -> Iterator[Case]:
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


def signatures_refused() -> Iterator[Case]:
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
