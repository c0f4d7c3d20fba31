"""Small values that only the processes with AUTH_SECRET can read or make up, wherever they are kept meanwhile.

A compact JWE (RFC 7516, `dir` with A256GCM) under a key derived from the secret by HKDF-SHA256 (RFC 5869), one for each
purpose. Session cookies are sealed by auth/cookies, as Auth.js does it.
"""

from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwe
from joserfc.jwk import OctKey

_ALGORITHMS = ["dir", "A256GCM"]
_HEADER = {"alg": "dir", "enc": "A256GCM"}


class Seal:
    """Encrypts small values for one purpose. The first of `auth_secrets` seals; each of them opens."""

    def __init__(self, auth_secrets: Sequence[str], purpose: str) -> None:
        self._keys = [_derived(secret, purpose) for secret in auth_secrets]

    def close(self, content: bytes) -> str:
        """The sealed text: URL-safe, about a third longer than the content."""
        return jwe.encrypt_compact(_HEADER, content, self._keys[0], algorithms=_ALGORITHMS)

    def open(self, sealed: str) -> bytes | None:
        """The content; None for anything that was not sealed with one of the secrets for this purpose."""
        for key in self._keys:
            try:
                opened = jwe.decrypt_compact(sealed, key, algorithms=_ALGORITHMS)
            except Exception:  # noqa: S112 - joserfc, cryptography and binascii raise unrelated types for what is no such JWE
                continue
            if opened.headers() == _HEADER and opened.plaintext is not None:
                return opened.plaintext
        return None


def _derived(secret: str, purpose: str) -> OctKey:
    key = HKDF(SHA256(), 32, salt=b"", info=f"clarivum {purpose}".encode()).derive(secret.encode())
    return OctKey.import_key(key)
