"""Which published keys are used, and the check of a signature against one of them.

A key set (RFC 7517) is read with the same suspicion as a token: a key that does not fit is left out and named in the
log, and two different keys under one `kid` are both left out, because which of them a token means is then a guess.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwk
from joserfc.jws import JWSRegistry

from clarivum.auth.policy import ASYMMETRIC_ALGORITHMS, KEY_ID_SHAPE, TokenPolicy
from clarivum.auth.roca import is_roca_modulus
from clarivum.auth.strict_json import parse_object

MAX_KEYS = 64
# NIST SP 800-131A asks for 2048 bits; the upper bounds keep one verification well under a millisecond.
MIN_RSA_BITS = 2_048
MAX_RSA_BITS = 8_192
MIN_RSA_EXPONENT = 65_537
MAX_RSA_EXPONENT = 2**32 - 1

_MATERIAL = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{1,2048}")


class KeyRefusedError(ValueError):
    """A key, or a whole set, that is not used; the message says which rule it breaks."""


@dataclass(frozen=True, slots=True, eq=False)
class VerificationKey:
    """A published key that may verify tokens. `thumbprint` (RFC 7638) tells two keys of one `key_id` apart."""

    key_id: str
    thumbprint: str
    algorithms: frozenset[str]
    _key: jwk.Key

    def verifies(self, algorithm: str, signing_input: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's over `signing_input`. False for an algorithm the key is not for."""
        if algorithm not in self.algorithms:
            return False
        return JWSRegistry.algorithms[algorithm].verify(signing_input, signature, self._key)


@dataclass(frozen=True, slots=True)
class KeySetReading:
    """What a key set offered: the usable keys by `kid`, and why each of the others is not used."""

    keys: Mapping[str, VerificationKey]
    refused: tuple[str, ...]


def read_key_set(raw: bytes, policy: TokenPolicy) -> KeySetReading:
    """Read a JWK Set document. Raises ValueError when it is no strict JSON, no JWK Set, or holds no usable key."""
    entries = parse_object(raw).get("keys")
    if not isinstance(entries, list):
        raise KeyRefusedError("no JWK Set: `keys` is missing or no list")
    if len(entries) > MAX_KEYS:
        raise KeyRefusedError(f"more than {MAX_KEYS} keys")
    keys: dict[str, VerificationKey] = {}
    refused, ambiguous = [], set()
    for position, entry in enumerate(entries):
        try:
            key = read_key(entry, policy)
        except KeyRefusedError as error:
            refused.append(f"keys[{position}]: {error}")
            continue
        if keys.setdefault(key.key_id, key).thumbprint != key.thumbprint:
            ambiguous.add(key.key_id)
            refused.append(f"keys[{position}]: another key has the same kid, so neither is used")
    for key_id in ambiguous:
        del keys[key_id]
    if not keys:
        raise KeyRefusedError(f"no usable key ({'; '.join(refused) or 'the set is empty'})")
    return KeySetReading(keys, tuple(refused))


def read_key(entry: object, policy: TokenPolicy) -> VerificationKey:
    """Read one public JWK. Raises KeyRefusedError."""
    if not isinstance(entry, dict):
        raise KeyRefusedError("not a JSON object")
    key_type = entry.get("kty")
    if not isinstance(key_type, str) or key_type not in _MATERIAL:
        raise KeyRefusedError("kty is none of RSA, EC, OKP")
    if _PRIVATE_MEMBERS & entry.keys():
        raise KeyRefusedError("holds private key material, so it is compromised")
    key_id = entry.get("kid")
    if not isinstance(key_id, str) or not KEY_ID_SHAPE.fullmatch(key_id):
        raise KeyRefusedError("kid is missing or of an unsafe shape")
    if entry.get("use", "sig") != "sig":
        raise KeyRefusedError("use is not sig")
    operations = entry.get("key_ops", ["verify"])
    if operations not in (["verify"], ["sign", "verify"], ["verify", "sign"]):
        raise KeyRefusedError("key_ops is not [verify]")
    algorithms = _algorithms(entry, key_type, policy)
    if key_type == "RSA":
        _check_rsa(entry)
    key = _import(entry, key_type)
    return VerificationKey(key_id, key.thumbprint(), algorithms, key)


def _algorithms(entry: Mapping[str, Any], key_type: str, policy: TokenPolicy) -> frozenset[str]:
    """The allowed algorithms that fit the key: the one its `alg` names, or all of its type and curve."""
    fitting, curve = set(), str(entry.get("crv"))
    for algorithm in policy.algorithms:
        shape = ASYMMETRIC_ALGORITHMS[algorithm]
        if shape.key_type == key_type and (shape.curves is None or curve in shape.curves):
            fitting.add(algorithm)
    if "alg" in entry:
        fitting = {algorithm for algorithm in fitting if algorithm == entry["alg"]}
    if not fitting:
        raise KeyRefusedError(f"alg and curve fit none of {', '.join(policy.algorithms)}")
    return frozenset(fitting)


def _check_rsa(entry: Mapping[str, Any]) -> None:
    modulus, exponent = _integer(entry.get("n"), "n"), _integer(entry.get("e"), "e")
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS:
        raise KeyRefusedError(f"RSA modulus is not between {MIN_RSA_BITS} and {MAX_RSA_BITS} bits")
    if not MIN_RSA_EXPONENT <= exponent <= MAX_RSA_EXPONENT or exponent % 2 == 0:
        raise KeyRefusedError(f"RSA exponent is not odd and between {MIN_RSA_EXPONENT} and {MAX_RSA_EXPONENT}")
    if is_roca_modulus(modulus):
        raise KeyRefusedError("RSA modulus was made by a broken generator (CVE-2017-15361)")


def _integer(value: object, name: str) -> int:
    if not isinstance(value, str) or not _BASE64URL.fullmatch(value) or len(value) % 4 == 1:
        raise KeyRefusedError(f"{name} is no base64url integer")
    return int.from_bytes(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)), "big")


def _import(entry: Mapping[str, Any], key_type: str) -> jwk.Key:
    """The key in joserfc's hands, given only the members it needs: what else is published (x5c, x5u) is not read."""
    try:
        return jwk.import_key({name: entry[name] for name in ("kty", *_MATERIAL[key_type])})
    except Exception as error:  # joserfc and cryptography raise a dozen unrelated types for a bad key
        raise KeyRefusedError(f"cannot be imported ({type(error).__name__})") from None
