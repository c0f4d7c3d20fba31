"""C2SP/wycheproof's JOSE vectors against our verifier.

They are not part of this repository: the folder is CLARIVUM_VECTORS, or `../shared/vectors` beside the project. Where
it is absent these tests say so and prove nothing; test_refused_tokens.py and test_published_keys.py hold the same kinds
of cases and run everywhere.

What a vector signs is no claims set ("foo", zeros), so a valid one can at most pass the signature check. Every vector
is therefore put to the layer below the claims, with every asymmetric algorithm allowed, and the invalid ones to the
whole verifier as well.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clarivum.auth import TokenPolicy, TokenRefusedError, TokenVerifier
from clarivum.auth.compact import read_compact
from clarivum.auth.keys import VerificationKey, read_key_set
from clarivum.auth.policy import ASYMMETRIC_ALGORITHMS
from clarivum.errors import RequestError
from tests.unit.auth.forge import AUDIENCE, SETTINGS, Endpoint, TurnedClock, to_json

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(os.environ.get("CLARIVUM_VECTORS") or ROOT.parent / "shared" / "vectors") / "wycheproof"
EVERY_ALGORITHM = TokenPolicy(tuple(ASYMMETRIC_ALGORITHMS))

# Vectors that Wycheproof calls valid and this verifier refuses although their key is asymmetric.
DISPUTED = {
    ("signature", 346): "the key says it is for PS256, the token is signed by PS384: one key, one algorithm (RFC 8725)",
    ("signature", 347): "the key says `alg: ES521`, which is no algorithm; the registered name is ES512",
    ("signature", 350): "as 346, with key_ops",
    ("signature", 351): "as 347, with key_ops",
}
# Vectors that it calls valid and whose key is symmetric: a verifier of access tokens holds no such key. Two of them
# (372, 373) also carry a `?`, which is no base64url, and which we refuse whatever the key.
NOT_BASE64URL = {("signature", 372), ("signature", 373)}


@dataclass(frozen=True)
class Vector:
    """One test of one file, with its group's key set as an issuer would publish it."""

    file: str
    number: int
    comment: str
    token: str
    valid: bool
    key_set: bytes
    symmetric: bool

    @property
    def name(self) -> tuple[str, int]:
        return (self.file, self.number)


def vectors() -> list[Vector]:
    return [*_read("signature"), *_read("key")] if FOLDER.is_dir() else []


def _read(kind: str) -> Iterator[Vector]:
    document = json.loads((FOLDER / f"json_web_{kind}_test.json").read_text())
    for group in document["testGroups"]:
        published: dict[str, Any] = group.get("public") or group["private"]
        keys = published.get("keys", [published])
        key_set = to_json({"keys": keys})
        symmetric = all(key["kty"] == "oct" for key in keys)
        for test in group["tests"]:
            valid = test["result"] == "valid"
            yield Vector(kind, test["tcId"], test["comment"], test["jws"], valid, key_set, symmetric)


def check_signature(vector: Vector) -> bytes:
    """The payload of a vector whose signature holds. Raises as the verifier does."""
    compact = read_compact(vector.token, audience=AUDIENCE)
    keys: dict[str, VerificationKey] = dict(read_key_set(vector.key_set, EVERY_ALGORITHM).keys)
    key = keys[compact.key_id]
    if not key.verifies(compact.algorithm, compact.signing_input, compact.signature):
        raise PermissionError("the signature is not the key's")
    return compact.payload


def accepted(vector: Vector) -> bool:
    try:
        check_signature(vector)
    except (TokenRefusedError, ValueError, KeyError, PermissionError):
        return False
    return True


needs_vectors = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"Wycheproof's vectors are not at {FOLDER}: set CLARIVUM_VECTORS to run them (our own cases run anyway)",
)


@needs_vectors
def test_every_invalid_vector_is_refused() -> None:
    let_in = [(vector.name, vector.comment) for vector in vectors() if not vector.valid and accepted(vector)]
    assert let_in == []


@needs_vectors
async def test_every_invalid_vector_is_refused_by_the_whole_verifier() -> None:
    for vector in vectors():
        if vector.valid:
            continue
        verifier = TokenVerifier(SETTINGS, TurnedClock(), Endpoint(vector.key_set), policy=EVERY_ALGORITHM)
        with pytest.raises(RequestError):
            await verifier.verify(vector.token)


@needs_vectors
def test_every_valid_vector_with_a_key_we_may_hold_is_accepted() -> None:
    refused = {v.name for v in vectors() if v.valid and not v.symmetric and not accepted(v)}
    assert refused == set(DISPUTED)


@needs_vectors
def test_no_vector_with_a_symmetric_key_is_accepted() -> None:
    symmetric = [vector for vector in vectors() if vector.symmetric]
    assert [vector.name for vector in symmetric if accepted(vector)] == []
    for vector in symmetric:
        if vector.name in NOT_BASE64URL:
            with pytest.raises(TokenRefusedError, match="not accepted"):
                read_compact(vector.token, audience=AUDIENCE)


@needs_vectors
def test_the_files_are_the_ones_these_tests_were_written_for() -> None:
    """If a newer edition has other counts, look at its new vectors before changing this."""
    everything = vectors()
    assert len(everything) == 427
    assert sum(not vector.valid for vector in everything) == 376
    assert sum(vector.valid and not vector.symmetric for vector in everything) == 37
