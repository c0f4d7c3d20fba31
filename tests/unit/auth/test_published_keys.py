"""Which of an issuer's published keys are used."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from clarivum.auth import TokenPolicy
from clarivum.auth.keys import KeyRefusedError, read_key, read_key_set
from clarivum.auth.roca import is_roca_modulus
from clarivum.errors import ConfigurationError
from tests.unit.auth.forge import Forge, b64, to_json

RS256 = TokenPolicy()
ALL = TokenPolicy(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"))


def integer(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


# Changes to a good RSA key; `...` removes the member.
REFUSED_CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "use enc": ({"use": "enc"}, "use is not sig"),
    "use null": ({"use": None}, "use is not sig"),
    "use a list": ({"use": ["sig"]}, "use is not sig"),
    "key_ops encrypt": ({"key_ops": ["encrypt"]}, "key_ops"),
    "key_ops verify and encrypt": ({"key_ops": ["verify", "encrypt"]}, "key_ops"),
    "key_ops empty": ({"key_ops": []}, "key_ops"),
    "key_ops a string": ({"key_ops": "verify"}, "key_ops"),
    "key_ops null": ({"key_ops": None}, "key_ops"),
    "alg of another size": ({"alg": "RS384"}, "alg and curve"),
    "alg HS256": ({"alg": "HS256"}, "alg and curve"),
    "alg for encryption": ({"alg": "RSA-OAEP"}, "alg and curve"),
    "alg none": ({"alg": "none"}, "alg and curve"),
    "alg null": ({"alg": None}, "alg and curve"),
    "alg a list": ({"alg": ["RS256"]}, "alg and curve"),
    "kty missing": ({"kty": ...}, "kty"),
    "kty oct": ({"kty": "oct"}, "kty"),
    "kty a list": ({"kty": ["RSA"]}, "kty"),
    "kty in small letters": ({"kty": "rsa"}, "kty"),
    "kty EC": ({"kty": "EC"}, "alg and curve"),
    "kty of lattices": ({"kty": "AKP"}, "kty"),
    "kid missing": ({"kid": ...}, "kid"),
    "kid a number": ({"kid": 1}, "kid"),
    "kid a path": ({"kid": "../key"}, "kid"),
    "kid of 129 characters": ({"kid": "k" * 129}, "kid"),
    "private exponent": ({"d": "AQAB"}, "private key material"),
    "a prime": ({"p": "AQAB"}, "private key material"),
    "a symmetric key inside": ({"k": "c2VjcmV0"}, "private key material"),
    "n missing": ({"n": ...}, "n is no base64url"),
    "n a number": ({"n": 65_537}, "n is no base64url"),
    "n empty": ({"n": ""}, "n is no base64url"),
    "n in ordinary base64": ({"n": "+/+/" * 86}, "n is no base64url"),
    "n padded": ({"n": "AQAB=="}, "n is no base64url"),
    "n of an impossible length": ({"n": "AQABA"}, "n is no base64url"),
    "n far too long": ({"n": "A" * 4_000}, "n is no base64url"),
    "n of 2047 bits": ({"n": integer(2**2047 - 1)}, "modulus"),
    "n of 8193 bits": ({"n": integer(2**8192 + 1)}, "modulus"),
    "n of 1 bit": ({"n": "AQ"}, "modulus"),
    "e missing": ({"e": ...}, "e is no base64url"),
    "e one": ({"e": "AQ"}, "exponent"),
    "e three": ({"e": "Aw"}, "exponent"),
    "e even": ({"e": integer(65_538)}, "exponent"),
    "e huge": ({"e": integer(2**2040 + 1)}, "exponent"),
}


@pytest.mark.parametrize("name", REFUSED_CHANGES)
def test_rsa_key_not_used(name: str, forge: Forge) -> None:
    changes, why = REFUSED_CHANGES[name]
    with pytest.raises(KeyRefusedError, match=why):
        read_key(forge.published(**changes), RS256)


@pytest.mark.parametrize("entry", [None, [], "key", 1, True])
def test_an_entry_that_is_no_object_is_not_used(entry: object) -> None:
    with pytest.raises(KeyRefusedError, match="not a JSON object"):
        read_key(entry, RS256)


@pytest.mark.filterwarnings("ignore:Key size should be")
def test_a_real_key_of_1024_bits_is_not_used() -> None:
    with pytest.raises(KeyRefusedError, match="modulus"):
        read_key({**RSAKey.generate_key(1_024).as_dict(private=False), "kid": "short"}, RS256)


def test_a_symmetric_key_is_not_used() -> None:
    with pytest.raises(KeyRefusedError, match="kty"):
        read_key({**OctKey.generate_key(256).as_dict(), "kid": "shared"}, ALL)


def test_what_auth0_publishes_beside_the_key_is_not_read(forge: Forge) -> None:
    """Certificates and links in a JWK bring nothing in, however broken they are."""
    extras = {"x5c": ["not a certificate"], "x5t": "AAAA", "x5u": "http://evil.example/cert", "tenant": {"a": 1}}
    assert read_key(forge.published(**extras), RS256).key_id == forge.key_id


@pytest.mark.parametrize(
    ("make_key", "algorithms"),
    [
        (lambda: RSAKey.generate_key(2_048), {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        (lambda: ECKey.generate_key("P-256"), {"ES256"}),
        (lambda: ECKey.generate_key("P-384"), {"ES384"}),
        (lambda: ECKey.generate_key("P-521"), {"ES512"}),
        (lambda: OKPKey.generate_key("Ed25519"), {"EdDSA", "Ed25519"}),
        (lambda: OKPKey.generate_key("Ed448"), {"EdDSA"}),
    ],
    ids=["RSA", "P-256", "P-384", "P-521", "Ed25519", "Ed448"],
)
def test_a_key_without_alg_serves_the_allowed_algorithms_of_its_kind(
    make_key: Callable[[], Any], algorithms: set[str]
) -> None:
    published = {**make_key().as_dict(private=False), "kid": "k"}
    assert read_key(published, ALL).algorithms == algorithms
    if "RS256" not in algorithms:
        with pytest.raises(KeyRefusedError, match="alg and curve"):
            read_key(published, RS256)


@pytest.mark.parametrize("curve", ["X25519", "X448"])
def test_a_key_for_key_agreement_is_not_used(curve: Any) -> None:
    with pytest.raises(KeyRefusedError, match="alg and curve"):
        read_key({**OKPKey.generate_key(curve).as_dict(private=False), "kid": "k"}, ALL)


def test_a_point_off_its_curve_is_not_used() -> None:
    published = ECKey.generate_key("P-256").as_dict(private=False)
    with pytest.raises(KeyRefusedError, match="cannot be imported"):
        read_key({**published, "kid": "k", "y": published["x"]}, ALL)


def test_one_bad_key_does_not_take_the_others_along(forge: Forge) -> None:
    reading = read_key_set(to_json({"keys": [{"kty": "oct", "k": "AA"}, forge.published(), 7]}), RS256)
    assert set(reading.keys) == {forge.key_id}
    assert len(reading.refused) == 2
    assert reading.refused[0].startswith("keys[0]: ")


def test_a_set_of_more_than_64_keys_is_not_read(forge: Forge) -> None:
    names = [forge.published(kid=f"key-{number}") for number in range(65)]
    assert len(read_key_set(to_json({"keys": names[:64]}), RS256).keys) == 64
    with pytest.raises(KeyRefusedError, match="more than 64 keys"):
        read_key_set(to_json({"keys": names}), RS256)


def test_what_is_said_about_a_refused_key_repeats_nothing_of_it(forge: Forge) -> None:
    secret = {"kty": "oct", "k": "c2VjcmV0LXNlY3JldA", "kid": "shared-secret-1"}
    leaked = {**forge.key.as_dict(private=True), "kid": "leaked-key-1"}
    refused = "".join(read_key_set(to_json({"keys": [secret, leaked, forge.published()]}), RS256).refused)
    assert "keys[0]" in refused
    assert "keys[1]" in refused
    for value in (*secret.values(), leaked["d"], leaked["n"], leaked["kid"]):
        assert len(str(value)) < 5 or str(value) not in refused


def test_two_keys_of_one_name_are_both_left_out(forge: Forge, stranger: Forge) -> None:
    other = {**stranger.published(), "kid": "other"}
    twice = to_json({"keys": [forge.published(), stranger.published(), other]})
    assert set(read_key_set(twice, RS256).keys) == {"other"}


def test_the_same_key_twice_is_one_key(forge: Forge) -> None:
    assert len(read_key_set(forge.key_set(forge), RS256).keys) == 1


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<!doctype html><title>Sign in</title>",
        b"null",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":null}',
        b'{"keys":[]}',
        b'{"keys":[{"kty":"oct","k":"AA","kid":"a"}]}',
        b'{"keys":[],"keys":[]}',
        b'{"keys":' + b"[" * 100_000,
        b'{"keys":[' + b"0," * 100 + b"0]}",
        b"\xff\xfe",
    ],
    ids=lambda document: repr(document[:24]),
)
def test_a_document_that_is_no_usable_key_set(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_key_set(document, RS256)


def test_moduli_of_the_broken_generator_are_recognised(forge: Forge, stranger: Forge) -> None:
    """Made as that generator made them: k*M + (65537^a mod M), M the product of the primes up to 167."""
    primes = [n for n in range(2, 168) if all(n % d for d in range(2, math.isqrt(n) + 1))]
    product = math.prod(primes)
    factors = [3 * product + pow(65_537, power, product) for power in (1_234, 987_654)]
    assert is_roca_modulus(factors[0] * factors[1])
    for sound in (forge, stranger):
        assert not is_roca_modulus(sound.key.public_key.public_numbers().n)
    long_modulus = (2**1_024 * product + pow(65_537, 5, product)) * (2**700 * product + pow(65_537, 9, product))
    with pytest.raises(KeyRefusedError, match="broken generator"):
        read_key(forge.published(n=integer(long_modulus)), RS256)


@pytest.mark.parametrize("algorithms", [(), ("HS256",), ("none",), ("RS256", "HS512"), ("ES256K",), ("rs256",)])
def test_a_policy_cannot_allow_what_is_not_asymmetric(algorithms: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError):
        TokenPolicy(algorithms)


def test_the_fixture_is_a_key_set_as_published(forge: Forge) -> None:
    document = json.loads(forge.key_set())
    assert set(document["keys"][0]) == {"kty", "n", "e", "kid", "alg", "use"}
