"""From Stripe's webhook to the entitlement and the receipt: once, in any order, and taken back by a refund."""

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from bff.purchases.jobs import ReconcilePurchases, fulfil_purchase, reconcile_purchases, revoke_purchase
from clarivum.testing.stripe import stripe_header
from tests.integration.bff.conftest import SECRET, Backend
from tests.integration.bff.stripe_events import checkout, event, paid, refunded


@pytest.mark.parametrize("postgres_version", [16, 18])
async def test_a_payment_gives_the_entitlement_and_mails_the_receipt(backend: Backend) -> None:
    payment = paid("pi_journey")
    answer = await backend.webhook(payment)
    assert (answer.status_code, answer.json()) == (200, {"id": payment["id"]})
    async with backend.working():
        await backend.until(lambda: backend.runs("purchases.send_receipt"), "the receipt is sent")
    entitlements = (await backend.client.get("/api/v1/entitlements", headers=backend.bearer())).json()["items"]
    assert [(item["product"], item["status"], item["source"]) for item in entitlements] == [
        ("insights", "active", "stripe")
    ]
    (purchase,) = (await backend.client.get("/api/v1/purchases", headers=backend.bearer())).json()["items"]
    assert (purchase["amount_minor"], purchase["currency"], purchase["status"]) == (4900, "eur", "fulfilled")
    (letter,) = backend.letters()
    assert letter["To"] == "alice@example.org"
    plain = letter.get_body(("plain",))
    assert plain is not None
    assert "49.00 EUR" in plain.get_content()
    assert purchase["id"] in plain.get_content()


async def test_purchases_are_the_members_own_and_the_administrators_all(backend: Backend) -> None:
    for name in ("alice", "bob"):
        await backend.webhook(paid(f"pi_{name}", subject=f"auth0|{name}"))
    async with backend.working(fulfil_purchase):
        await backend.until(lambda: backend.runs("purchases.fulfil") == 2, "both are fulfilled")
    bob = backend.bearer("auth0|bob")
    (own,) = (await backend.client.get("/api/v1/purchases", headers=bob)).json()["items"]
    assert "subject" not in own
    admin = backend.bearer("auth0|ada", "admin")
    everybodys = (await backend.client.get("/api/v1/admin/purchases", headers=admin)).json()["items"]
    assert {item["subject"] for item in everybodys} == {"auth0|alice", "auth0|bob"}
    assert (await backend.client.get("/api/v1/admin/purchases", headers=bob)).status_code == 403
    assert (await backend.client.get("/api/v1/purchases")).status_code == 401


async def test_the_same_event_a_hundred_times_at_once_has_one_effect(backend: Backend) -> None:
    payment = paid("pi_hundred")
    answers = await asyncio.gather(*(backend.webhook(payment) for _ in range(100)))
    assert {(answer.status_code, answer.text) for answer in answers} == {
        (200, json.dumps({"id": payment["id"]}, separators=(",", ":")))
    }
    assert backend.count("pgmq.q_purchases_fulfil") == 1
    async with backend.working():
        await backend.until(lambda: backend.runs("purchases.send_receipt"), "the receipt is sent")
    again = await backend.webhook(payment)
    assert again.status_code == 200
    assert backend.count("pgmq.q_purchases_fulfil") == 0
    assert backend.count("public.entitlements where subject = 'auth0|alice'") == 1
    assert len(backend.letters()) == 1


async def test_two_events_of_one_payment_grant_once(backend: Backend) -> None:
    first, second = paid("pi_two"), event("checkout.session.async_payment_succeeded", checkout("pi_two"))
    for one in (first, second):
        assert (await backend.webhook(one)).status_code == 200
    async with backend.working(fulfil_purchase):
        await backend.until(lambda: backend.runs("purchases.fulfil") == 2, "both are handled")
    assert backend.count("public.entitlements where subject = 'auth0|alice'") == 1
    assert backend.count("public.purchase_events where handled_at is null") == 0


async def test_a_refund_revokes_and_the_history_tells(backend: Backend) -> None:
    await backend.webhook(paid("pi_back"))
    async with backend.working(fulfil_purchase, revoke_purchase):
        await backend.until(lambda: backend.runs("purchases.fulfil"), "it is fulfilled")
        await backend.webhook(refunded("pi_back"))
        await backend.until(lambda: backend.runs("purchases.revoke"), "it is revoked")
        await backend.webhook(refunded("pi_back"))
        await backend.until(lambda: backend.runs("purchases.revoke") == 2, "a second refund event is handled")
    assert [row["status"] for row in backend.rows("select status from public.purchases")] == ["refunded"]
    steps = backend.rows("select from_status, to_status, actor from public.entitlement_events order by id")
    assert [(row["from_status"], row["to_status"]) for row in steps] == [(None, "active"), ("active", "revoked")]
    assert {row["actor"] for row in steps} == {"clarivum_worker"}


async def test_a_refund_that_comes_first_leaves_nothing_granted(backend: Backend) -> None:
    await backend.webhook(refunded("pi_early"))
    async with backend.working(fulfil_purchase, revoke_purchase):
        await backend.until(lambda: backend.runs("purchases.revoke"), "the refund is handled")
        await backend.webhook(paid("pi_early"))
        await backend.until(lambda: backend.runs("purchases.fulfil"), "the payment is handled")
    assert backend.count("public.entitlements where source = 'stripe'") == 0
    assert [row["status"] for row in backend.rows("select status from public.purchases")] == ["refunded"]
    assert backend.count("pgmq.q_purchases_send_receipt") == 0


async def test_payments_and_their_refunds_at_the_same_time_end_refunded(backend: Backend) -> None:
    events = [make(f"pi_{number}") for number in range(25) for make in (paid, refunded)]
    for one in events:
        assert (await backend.webhook(one)).status_code == 200
    async with backend.working(fulfil_purchase, revoke_purchase, concurrency=8):
        await backend.until(lambda: backend.runs("purchases.fulfil") == 25, "the payments are handled")
        await backend.until(lambda: backend.runs("purchases.revoke") == 25, "the refunds are handled")
    assert backend.count("public.purchases where status = 'refunded'") == 25
    assert backend.count("public.entitlements where source = 'stripe' and status <> 'revoked'") == 0


@pytest.mark.parametrize(
    "kept",
    [
        event("customer.created", {"id": "cus_1"}),
        event("invoice.paid", {"id": "in_1", "amount_total": "not ours", "currency": 7}),
        event("checkout.session.completed", checkout(payment_status="unpaid")),
        event("checkout.session.completed", checkout(mode="subscription")),
        event("checkout.session.completed", checkout(subject=None)),
        event("checkout.session.completed", checkout(metadata={})),
        refunded(whole=False),
        refunded(None),
    ],
    ids=lambda one: f"{one['type']}",
)
async def test_what_means_nothing_here_is_stored_and_nothing_follows(backend: Backend, kept: dict[str, Any]) -> None:
    assert (await backend.webhook(kept)).status_code == 200
    (row,) = backend.rows("select id, type, effect from public.purchase_events")
    assert (row["id"], row["type"], row["effect"]) == (kept["id"], kept["type"], None)
    assert backend.count("pgmq.q_purchases_fulfil") + backend.count("pgmq.q_purchases_revoke") == 0


async def test_nothing_of_a_card_or_an_address_is_stored(backend: Backend) -> None:
    await backend.webhook(refunded("pi_card"))
    await backend.webhook(paid("pi_card"))
    for table in ("public.purchase_events", "pgmq.q_purchases_fulfil", "pgmq.q_purchases_revoke"):
        stored = json.dumps(backend.rows(f"select * from {table}"), default=str)
        for word in ("4242", "visa", "Alice", '"PL"', "spring"):
            assert word not in stored


async def test_a_free_checkout_is_known_by_its_session(backend: Backend) -> None:
    session = checkout(payment_status="no_payment_required", payment_intent=None, amount_total=0)
    await backend.webhook(event("checkout.session.completed", session))
    async with backend.working(fulfil_purchase):
        await backend.until(lambda: backend.runs("purchases.fulfil"), "it is fulfilled")
    (row,) = backend.rows("select payment, amount_minor, status from public.purchases")
    assert (row["payment"], row["amount_minor"], row["status"]) == (session["id"], 0, "fulfilled")


async def test_the_nightly_comparison_asks_again_for_what_is_missing(backend: Backend) -> None:
    payment, refund, recent = paid("pi_lost"), refunded("pi_lost"), paid("pi_recent")
    for one in (payment, refund, recent):
        await backend.webhook(one)
    backend.rows("select pgmq.purge_queue(q) from unnest('{purchases_fulfil,purchases_revoke}'::text[]) as q")
    backend.rows("update public.purchase_events set created_at = now() - interval '1 hour' where payment = 'pi_lost'")
    nights = [ReconcilePurchases(due_at=datetime(2026, 11, day, 1, 30, tzinfo=UTC)) for day in (26, 27)]
    await backend.enqueue(nights[0], nights[0])
    async with backend.working(fulfil_purchase, revoke_purchase, reconcile_purchases):
        await backend.until(lambda: backend.runs("purchases.fulfil"), "the payment is asked for again")
        await backend.until(lambda: backend.runs("purchases.revoke"), "the refund is asked for again")
        await backend.enqueue(nights[1])
        await backend.until(lambda: backend.runs("purchases.reconcile") == 2, "the next night is over")
    assert (backend.runs("purchases.fulfil"), backend.runs("purchases.revoke")) == (1, 1)
    (row,) = backend.rows("select payment, status from public.purchases")
    assert (row["payment"], row["status"]) == ("pi_lost", "refunded")


# -- what the webhook refuses -----------------------------------------------------------------------------------------
async def test_a_webhook_that_nobody_signed_stores_nothing(backend: Backend) -> None:
    payment, now = paid("pi_forged"), int(time.time())
    body = json.dumps(payment).encode()
    good = stripe_header(body, SECRET, now)
    json_type = {"content-type": "application/json"}
    bad: list[tuple[bytes, dict[str, str]]] = [
        (body, {}),
        (body, {"stripe-signature": ""}),
        (body, {"stripe-signature": good.partition(",")[2]}),
        (body, {"stripe-signature": f"{good},t={now}"}),
        (body, {"stripe-signature": stripe_header(body, SECRET, now - 302)}),
        (body, {"stripe-signature": stripe_header(body, SECRET, now + 302)}),
        (body.replace(b"4900", b"4901"), {"stripe-signature": good}),
        (body, {"stripe-signature": good.replace("v1=", "v0=")}),
        (body, {"stripe-signature": stripe_header(body, "", now)}),
        (body, {"stripe-signature": stripe_header(body, "whsec_another", now)}),
        (b"not json", {"stripe-signature": good}),
    ]
    for content, headers in bad:
        answer = await backend.client.post("/webhooks/stripe", content=content, headers={**json_type, **headers})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_signature"), headers
        assert answer.json()["detail"] == "The signature of this request was not accepted."
    admin = {**json_type, **backend.bearer("auth0|ada", "admin")}
    assert (await backend.client.post("/webhooks/stripe", content=body, headers=admin)).status_code == 400
    assert backend.count("public.purchase_events") == 0


async def test_what_is_signed_and_no_event_is_refused_by_name(backend: Backend) -> None:
    wrong = [
        ({**paid(), "id": "not an event"}, "/id"),
        ({**paid(), "created": "yesterday"}, "/created"),
        ({"id": "evt_1", "type": "x", "created": 1}, "/data"),
        (event("checkout.session.completed", checkout(amount_total=-1)), "/data/object/amount_total"),
        (event("checkout.session.completed", checkout(currency="EURO")), "/data/object/currency"),
        (event("charge.refunded", {"id": "ch_1"}), "/data/object/refunded"),
    ]
    for one, pointer in wrong:
        answer = await backend.webhook(one)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    for text, status in ((b"{", 400), (b'{"id": 1, "id": 2}', 400)):
        header = {"stripe-signature": stripe_header(text, SECRET, int(time.time())), "content-type": "application/json"}
        answer = await backend.client.post("/webhooks/stripe", content=text, headers=header)
        assert (answer.status_code, answer.json()["code"]) == (status, "malformed_json")
    assert backend.count("public.purchase_events") == 0


async def test_tokens_and_cookies_are_not_looked_at(backend: Backend) -> None:
    body = json.dumps(paid("pi_noise")).encode()
    headers = {
        "content-type": "application/json",
        "stripe-signature": stripe_header(body, SECRET, int(time.time())),
        "authorization": "Bearer not.a.token",
        "cookie": "__Secure-authjs.session-token=nonsense",
        "origin": "https://evil.example",
    }
    assert (await backend.client.post("/webhooks/stripe", content=body, headers=headers)).status_code == 200


async def test_a_body_that_is_too_large_is_not_read(backend: Backend) -> None:
    headers = {"content-type": "application/json", "stripe-signature": "t=1,v1=0"}
    answer = await backend.client.post("/webhooks/stripe", content=b" " * (2**20 + 1), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
