"""The encryption of session cookies: JWE compact serialisation (RFC 7516 section 3.1), opened and sealed.

Formats: `encode` and `decode` in @auth/core/jwt.js (0.41) and next-auth/jwt (4.24). Both encrypt directly with a key
that HKDF-SHA256 (RFC 5869) derives from the secret; they differ in salt, info, key length and cipher.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwe
from joserfc.jwk import OctKey, thumbprint

from clarivum.auth.compact import decode_part
from clarivum.auth.cookies.chunks import Format, SessionName
from clarivum.auth.cookies.refusal import SessionReason, SessionRefusedError
from clarivum.auth.refusal import TokenRefusedError
from clarivum.auth.strict_json import parse_object

# `dir` has no encrypted key: the second part is empty.
_COMPACT = re.compile(r"[A-Za-z0-9_-]{1,1024}\.\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_HEADER_MEMBERS = frozenset({"alg", "enc", "kid", "typ"})


@dataclass(frozen=True, slots=True)
class Cipher:
    """What a format encrypts with. Sizes in bytes."""

    enc: str
    key_bytes: int
    iv_bytes: int
    tag_bytes: int


CIPHERS: dict[Format, Cipher] = {
    "authjs": Cipher("A256CBC-HS512", key_bytes=64, iv_bytes=16, tag_bytes=32),
    "nextauth": Cipher("A256GCM", key_bytes=32, iv_bytes=12, tag_bytes=16),
}


@dataclass(frozen=True, slots=True)
class _Key:
    key: OctKey
    key_id: str


class Envelope:
    """Opens the cookies of one name with any of the secrets, and seals with the first."""

    def __init__(self, name: SessionName, secrets: Sequence[str]) -> None:
        self._format = name.format
        self._cipher = CIPHERS[name.format]
        self._keys = [_derived(name, self._cipher, secret) for secret in secrets]
        self._registry = jwe.JWERegistry(algorithms=["dir", self._cipher.enc])

    def open(self, value: str) -> dict[str, Any]:
        """The claims inside. `value`'s length is bounded by the caller. Raises SessionRefusedError."""
        if not _COMPACT.fullmatch(value):
            raise SessionRefusedError(SessionReason.MALFORMED, "not five parts of base64url with an empty second")
        header_part, _, *sealed_parts = value.split(".")
        iv, _, tag = (_decoded(part) for part in sealed_parts)
        if len(iv) != self._cipher.iv_bytes or len(tag) != self._cipher.tag_bytes:
            raise SessionRefusedError(SessionReason.MALFORMED, f"iv or tag is not as long as {self._cipher.enc}'s")
        payload = self._decrypted(value, self._keys_for(_object(_decoded(header_part), "header")))
        return _object(payload, "claims")

    def seal(self, payload: bytes) -> str:
        """Encrypt with the first secret, the header as Auth.js v5 writes it. Only for that format."""
        first = self._keys[0]
        header = {"alg": "dir", "enc": self._cipher.enc, "kid": first.key_id}
        return jwe.encrypt_compact(header, payload, first.key, registry=self._registry)

    def _keys_for(self, header: dict[str, Any]) -> Sequence[_Key]:
        """The keys that may have sealed it: the one that `kid` names, or all, as early releases wrote none."""
        unexpected = header.keys() - _HEADER_MEMBERS
        if unexpected:  # zip, crit, cty and what brings a key along
            raise SessionRefusedError(SessionReason.HEADER, "carries members other than alg, enc, kid, typ")
        if header.get("alg") != "dir" or header.get("enc") != self._cipher.enc:
            raise SessionRefusedError(SessionReason.HEADER, f"alg and enc are not dir and {self._cipher.enc}")
        if header.get("typ", "JWT") != "JWT":
            raise SessionRefusedError(SessionReason.HEADER, "typ is not JWT")
        if "kid" not in header:
            return self._keys
        named = [key for key in self._keys if key.key_id == header["kid"]]
        if not named:
            raise SessionRefusedError(SessionReason.SEAL, "kid names the key of none of the secrets")
        return named

    def _decrypted(self, value: str, keys: Sequence[_Key]) -> bytes:
        for candidate in keys:
            try:
                opened = jwe.decrypt_compact(value, candidate.key, registry=self._registry)
            except Exception:  # noqa: S112 - joserfc raises ValueError, TypeError and its own; all say the same
                continue
            if opened.plaintext is not None:
                return opened.plaintext
        raise SessionRefusedError(SessionReason.SEAL, "none of the secrets opens it: altered, or of another name")


def _derived(name: SessionName, cipher: Cipher, secret: str) -> _Key:
    if name.format == "authjs":
        salt, info = name.name, f"Auth.js Generated Encryption Key ({name.name})"
    else:
        salt, info = "", "NextAuth.js Generated Encryption Key"
    derivation = HKDF(algorithm=SHA256(), length=cipher.key_bytes, salt=salt.encode(), info=info.encode())
    key = OctKey.import_key(derivation.derive(secret.encode()))
    return _Key(key, thumbprint(key.as_dict(), "sha512"))


def _decoded(part: str) -> bytes:
    try:
        return decode_part(part)
    except TokenRefusedError:
        raise SessionRefusedError(SessionReason.MALFORMED, "a part is not canonical base64url") from None


def _object(raw: bytes, what: str) -> dict[str, Any]:
    try:
        return parse_object(raw)
    except ValueError:
        raise SessionRefusedError(SessionReason.MALFORMED, f"{what}: not one strict JSON object") from None
