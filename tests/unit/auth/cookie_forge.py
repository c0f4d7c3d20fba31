"""Session cookies of both formats, sealed here by the book and not by the code under test: HKDF (RFC 5869) by hand,
JWE (RFC 7516) from the primitives. What a test changes is the only thing wrong with them."""

import hashlib
import hmac
import os
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7

from tests.unit.auth.forge import NOW, b64, to_json

SECRET = "kX9#vLq2!mZr7@pTw4$yBn8%cJd5^fGh"
OTHER_SECRET = "another of 32 or more characters 8d3fQz"
NAMES = {"authjs": "__Secure-authjs.session-token", "nextauth": "__Secure-next-auth.session-token"}
ENCS = {"authjs": "A256CBC-HS512", "nextauth": "A256GCM"}
FORMATS = tuple(NAMES)

Pairs = list[tuple[str, str]]


def hkdf(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    extracted = hmac.digest(salt or bytes(32), secret, "sha256")
    expanded, block = b"", b""
    for number in range(1, -(-size // 32) + 1):
        block = hmac.digest(extracted, block + info + bytes([number]), "sha256")
        expanded += block
    return expanded[:size]


def key_of(format: str, name: str, secret: str) -> bytes:
    if format == "authjs":
        return hkdf(secret.encode(), name.encode(), f"Auth.js Generated Encryption Key ({name})".encode(), 64)
    return hkdf(secret.encode(), b"", b"NextAuth.js Generated Encryption Key", 32)


def thumbprint(key: bytes) -> str:
    return b64(hashlib.sha512(to_json({"k": b64(key), "kty": "oct"})).digest())


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good session; a change to `...` removes the claim."""
    good = {
        "name": "Alice",
        "sub": "6f1c0c5e-0d34-4a58-9d3c-3c8f2f1d9b10",
        "access_token": "a.b.c",
        "iat": NOW - 60,
        "exp": NOW + 3_600,
        "jti": "0b9c6c2e-64a8-4b6e-b5cf-1b7f2b6f9f67",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


class CookieForge:
    """Seals whatever it is given, as the front end that holds the secret could."""

    def __init__(self, format: str, *, secret: str = SECRET, name: str | None = None) -> None:
        self.format = format
        self.name = name or NAMES[format]
        self.key = key_of(format, self.name, secret)

    def header(self, **changes: Any) -> dict[str, Any]:
        good: dict[str, Any] = {"alg": "dir", "enc": ENCS[self.format]}
        if self.format == "authjs":
            good["kid"] = thumbprint(self.key)
        return {name: value for name, value in {**good, **changes}.items() if value is not ...}

    def raw(self, header: bytes, payload: bytes) -> str:
        """A cookie's value over these very bytes."""
        aad = b64(header)
        if self.format == "authjs":
            iv = os.urandom(16)
            padder = PKCS7(128).padder()
            encryptor = Cipher(algorithms.AES(self.key[32:]), modes.CBC(iv)).encryptor()
            sealed = encryptor.update(padder.update(payload) + padder.finalize()) + encryptor.finalize()
            length = (len(aad) * 8).to_bytes(8, "big")
            tag = hmac.digest(self.key[:32], aad.encode() + iv + sealed + length, "sha512")[:32]
        else:
            iv = os.urandom(12)
            both = AESGCM(self.key).encrypt(iv, payload, aad.encode())
            sealed, tag = both[:-16], both[-16:]
        return f"{aad}..{b64(iv)}.{b64(sealed)}.{b64(tag)}"

    def value(self, _header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A good cookie's value but for the changed claims, under a good header unless one is given."""
        return self.raw(to_json(_header or self.header()), to_json(claims(**changes)))

    def pairs(self, value: str | None = None) -> Pairs:
        """The cookies of a request, whole."""
        return [("theme", "dark"), (self.name, self.value() if value is None else value)]

    def chunks(self, value: str | None = None, size: int = 60) -> Pairs:
        """The cookies of a request, the session in parts of `size` characters."""
        value = self.value() if value is None else value
        parts = [value[start : start + size] for start in range(0, len(value), size)]
        return [(f"{self.name}.{number}", part) for number, part in enumerate(parts)]


def altered(value: str, part: int, position: int = 5) -> str:
    """The value with one bit flipped in one of its five parts."""
    parts = value.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    letters = list(parts[part])
    letters[position] = alphabet[alphabet.index(letters[position]) ^ 1]
    parts[part] = "".join(letters)
    return ".".join(parts)
