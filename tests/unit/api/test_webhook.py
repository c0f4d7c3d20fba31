"""Stripe's signatures: those of Stripe's own library are accepted, nothing else is, and only the log says why."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clarivum.api import Contract, ForeignContract, get, post, signed, stripe_signature
from clarivum.api.openapi.document import openapi_document
from clarivum.api.webhook import MAX_SIGNATURES, listed_secrets
from clarivum.api.webhook_secrets import webhook_secrets
from clarivum.database import Transaction
from clarivum.errors import INVALID_SIGNATURE, UNAVAILABLE, ConfigurationError, DeclarationError, RequestError
from clarivum.settings import Settings
from clarivum.testing.npm import install
from clarivum.testing.stripe import stripe_header

STRIPE = Path(__file__).parents[2] / "npm" / "stripe"
OLD, NEW = "whsec_K7mQ2vX9pR4tY8wZ1aB3cD5eF6gH0jL", "whsec_N1oP8qR5sT2uV9wX6yZ3aB0cD7eF4gH"
AT = 1_795_000_000
BODY = b'{"id": "evt_1", "amount": 4900}'
SIGNATURE = stripe_signature("STRIPE_WEBHOOK_SECRET")


def check(
    header: str | bytes | None, *, body: bytes = BODY, secrets: tuple[str, ...] = (OLD,), now: float = AT
) -> None:
    SIGNATURE.check(header.encode() if isinstance(header, str) else header, body, secrets, now)


def refusal(header: str | bytes | None, **changes: Any) -> str:
    """The reason in the log; what the caller is told is always the same."""
    with pytest.raises(RequestError) as caught:
        check(header, **changes)
    assert caught.value.code is INVALID_SIGNATURE
    assert caught.value.detail == "The signature of this request was not accepted."
    assert caught.value.log
    return caught.value.log


@pytest.fixture(scope="module")
def stripe() -> Callable[[list[dict[str, Any]]], list[str]]:
    """Stripe's own test helper: headers for `{payload, secret, timestamp, scheme}`."""
    folder = install(STRIPE)
    script = folder / "sign.mjs"
    script.write_text((STRIPE / "sign.mjs").read_text())

    def sign(wanted: list[dict[str, Any]]) -> list[str]:
        done = subprocess.run(
            ["node", script],
            cwd=folder,
            input=json.dumps(wanted),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        headers: list[str] = json.loads(done.stdout)
        return headers

    return sign


def test_what_stripes_own_library_signs_is_accepted(stripe: Callable[[list[dict[str, Any]]], list[str]]) -> None:
    bodies = ["{}", BODY.decode(), '{"name": "Żółć – 東京 🎉"}', json.dumps({"items": list(range(5_000))}), ""]
    wanted = [{"payload": body, "secret": OLD, "timestamp": AT} for body in bodies]
    other = {"payload": bodies[1], "secret": OLD, "timestamp": AT, "scheme": "v0"}
    *headers, of_another_scheme = stripe([*wanted, other])
    for body, header in zip(bodies, headers, strict=True):
        check(header, body=body.encode())
        assert header == stripe_header(body.encode(), OLD, AT)
    assert "0 signatures of scheme v1" in refusal(of_another_scheme)


@pytest.mark.parametrize("seconds", [0, 1, 299, 300, -1, -300])
def test_a_signature_counts_for_five_minutes_both_ways(seconds: int) -> None:
    check(stripe_header(BODY, OLD, AT), now=AT + seconds)


@pytest.mark.parametrize(("seconds", "way"), [(301, "ago"), (-301, "ahead"), (86_400, "ago"), (-(10**9), "ahead")])
def test_older_or_further_ahead_is_refused(seconds: int, way: str) -> None:
    assert refusal(stripe_header(BODY, OLD, AT), now=AT + seconds) == f"signed {abs(seconds)} s {way}, at most 300"


def test_while_a_secret_is_rotated_either_signature_will_do() -> None:
    old, new = stripe_header(BODY, OLD, AT), stripe_header(BODY, NEW, AT)
    both = f"{old},{new.partition(',')[2]}"
    for secrets in ((OLD,), (NEW,), (OLD, NEW), (NEW, OLD)):
        check(both, secrets=secrets)
    for header in (old, new):
        check(header, secrets=(NEW, OLD))
    refusal(old, secrets=(NEW,))


def test_a_body_changed_by_one_byte_is_refused() -> None:
    header = stripe_header(BODY, OLD, AT)
    for place in range(len(BODY)):
        changed = bytearray(BODY)
        changed[place] ^= 1
        refusal(header, body=bytes(changed))
    for changed_length in (BODY + b"\n", BODY[:-1], b"", b" " + BODY, BODY + BODY):
        refusal(header, body=changed_length)


def test_the_time_is_signed_as_well() -> None:
    refusal(stripe_header(BODY, OLD, AT).replace(str(AT), str(AT + 1)))
    refusal(stripe_header(BODY, OLD, AT).replace(str(AT), f"0{AT}"))


HEX = "0" * 64


@pytest.mark.parametrize(
    "header",
    [
        None, "", ",", "t", "t=", "=", "v1", f"v1={HEX}", f"t={AT}", f"t={AT},", f"t={AT},v1=", f"t={AT},v1={HEX}",
        f"t={AT},v1=short", f"t={AT};v1={HEX}", f"t= {AT},v1={HEX}", f"t={AT}, v1={HEX}", f"t={AT}\n,v1={HEX}",
        f"T={AT},V1={HEX}", f"t=+{AT},v1={HEX}", f"t=-{AT},v1={HEX}", f"t={AT}.0,v1={HEX}", f"t=1e9,v1={HEX}",
        f"t=NaN,v1={HEX}", f"t={'9' * 400},v1={HEX}", f"t=١٧٩٥,v1={HEX}", f"t={AT},v0={HEX}", f"t={AT},v2={HEX}",
        f"t={AT},v1={HEX},t={AT}", f"t={AT},t={AT + 1},v1={HEX}", b"\xff\xfe", b"\x00" * 10, "x" * 100_000,
    ],
)  # fmt: skip
def test_malformed_headers_are_refused(header: str | bytes | None) -> None:
    refusal(header)


def test_two_times_are_refused_also_when_each_is_signed() -> None:
    once, again = stripe_header(BODY, OLD, AT), stripe_header(BODY, OLD, AT + 1)
    assert "2 times" in refusal(f"{once},{again}")
    assert "malformed" in refusal(f"{once}, {again}"), "two headers, joined as HTTP joins them"
    assert "2 times" in refusal(f"{once},t={AT}")


def test_more_signatures_than_any_rotation_has_are_refused() -> None:
    time, _, signature = stripe_header(BODY, OLD, AT).partition(",")
    check(",".join([time, *[f"v1={HEX}"] * (MAX_SIGNATURES - 1), signature]))
    refusal(",".join([time, *[f"v1={HEX}"] * MAX_SIGNATURES, signature]))


def test_a_signature_is_exact() -> None:
    header = stripe_header(BODY, OLD, AT)
    for wrong in (header.upper().replace("T=", "t=").replace("V1=", "v1="), header[:-1], header + "0", header + "="):
        refusal(wrong)


def test_an_empty_secret_signs_nothing() -> None:
    forged = stripe_header(BODY, "", AT)
    refusal(forged)
    refusal(forged, secrets=("", OLD))
    for nothing in ((), ("",)):
        with pytest.raises(RequestError) as caught:
            check(forged, secrets=nothing)
        assert caught.value.code is UNAVAILABLE
    assert listed_secrets(f" {OLD} ,, {NEW},") == (OLD, NEW)
    assert listed_secrets(" , ") == ()


# -- declarations and settings ----------------------------------------------------------------------------------------
class Event(ForeignContract):
    id: str


@post("/webhooks/stripe", access=signed(SIGNATURE), status_code=204)
async def receive(body: Event, tx: Transaction) -> None: ...


@post("/webhooks/other", access=signed(stripe_signature("CLARIVUM_PORT")))
async def receive_other(body: Event) -> Event:
    return body


@post("/webhooks/third", access=signed(stripe_signature("NO_SUCH_SETTING")))
async def receive_third(body: Event) -> Event:
    return body


def test_a_foreign_contract_ignores_what_it_does_not_know() -> None:
    assert Event.model_validate({"id": "evt_1", "pending_webhooks": 1}) == Event(id="evt_1")
    assert Contract.model_config["extra"] == "forbid"


def test_the_reference_says_how_a_webhook_is_proven() -> None:
    @dataclass
    class Declared:
        name = "shop"
        routes = (receive,)

    document = openapi_document(Declared())
    operation = document["paths"]["/webhooks/stripe"]["post"]
    assert operation["security"] == [{"stripe_signature": []}]
    scheme = document["components"]["securitySchemes"]["stripe_signature"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "Stripe-Signature")
    assert "invalid_signature" in operation["responses"]["400"]["description"]
    assert not {"401", "403"} & set(operation["responses"])
    assert "whoever signs the body (Stripe-Signature)" in operation["description"]


def test_a_webhook_needs_its_body_and_has_no_key() -> None:
    async def bodiless() -> None: ...

    async def keyed(body: Event, tx: Transaction) -> Event:
        return body

    with pytest.raises(DeclarationError, match="signed body as a Contract"):
        get("/webhooks/x", access=signed(SIGNATURE), status_code=204)(bodiless)
    with pytest.raises(DeclarationError, match="no Idempotency-Key"):
        post("/webhooks/x", access=signed(SIGNATURE), idempotent=True)(keyed)


def test_the_secrets_come_from_the_setting_that_is_named() -> None:
    settings = Settings.load({"STRIPE_WEBHOOK_SECRET": f"{NEW},{OLD}"})
    assert webhook_secrets([receive], settings) == {"STRIPE_WEBHOOK_SECRET": (NEW, OLD)}
    assert webhook_secrets([receive], Settings.load({})) == {"STRIPE_WEBHOOK_SECRET": ()}
    for route in (receive_other, receive_third):
        with pytest.raises(DeclarationError, match="is no secret among the settings"):
            webhook_secrets([route], settings)


def test_production_does_not_start_without_the_secret() -> None:
    production = {
        "CLARIVUM_ENVIRONMENT": "production",
        "AUTH0_DOMAIN": "clarivum.eu.auth0.com",
        "DATABASE_URL": "postgresql://x",
    }
    with pytest.raises(ConfigurationError, match="STRIPE_WEBHOOK_SECRET is missing: POST /webhooks/stripe"):
        webhook_secrets([receive], Settings.load(production))


@pytest.mark.parametrize(
    "secret", ["whsec_short", f"{NEW},short", "whsec_change-me-change-me-change-me-0", "a" * 40, f"{NEW},"]
)
def test_a_weak_secret_stops_the_start_up(secret: str) -> None:
    with pytest.raises(ConfigurationError, match="STRIPE_WEBHOOK_SECRET") as refused:
        Settings.load({"STRIPE_WEBHOOK_SECRET": secret})
    assert secret not in str(refused.value)
