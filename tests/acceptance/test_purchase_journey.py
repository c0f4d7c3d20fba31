"""A member buys, gets the receipt, takes their data along and leaves, on a running `up`."""

import json
import re
import subprocess
import time
import uuid
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import psycopg

from clarivum.testing.stripe import stripe_header
from clarivum.testing.waiting import until
from tests.acceptance.running import ROOT, Up
from tests.integration.bff.stripe_events import paid

GUIDE = ROOT / "docs" / "guide" / "api.md"


def letters_to(folder: Path, address: str) -> list[EmailMessage]:
    read = [message_from_bytes(file.read_bytes(), policy=default) for file in folder.glob("*.eml")]
    return [letter for letter in read if isinstance(letter, EmailMessage) and letter["To"] == address]


def test_from_the_payment_to_the_erasure(backend: Up) -> None:
    name = uuid.uuid4().hex
    subject, email = f"auth0|{name}", f"{name}@example.org"
    secret = (backend.data / "stripe.secret").read_text()
    body = json.dumps(paid(f"pi_{name}", subject=subject, customer_details={"email": email})).encode()
    headers = {"content-type": "application/json", "stripe-signature": stripe_header(body, secret, int(time.time()))}
    with backend.client() as stripe, backend.client(backend.token(subject)) as member:
        member.get("/api/v1/profile").raise_for_status()
        for _ in range(3):
            stripe.post("/webhooks/stripe", content=body, headers=headers).raise_for_status()
        (letter,) = until(lambda: letters_to(backend.data / "mail", email), "the receipt")
        assert letter["Subject"] == "Your receipt: 49.00 EUR"
        (entitlement,) = member.get("/api/v1/entitlements").json()["items"]
        assert (entitlement["product"], entitlement["source"]) == ("insights", "stripe")

        assert member.post("/api/v1/me/export").status_code == 202
        ready = until(lambda: member.get("/api/v1/me/export").json()["link"], "the file")
        file = stripe.get(ready).json()
        assert [row["payment"] for row in file["tables"]["purchases"]] == [f"pi_{name}"]

        erasure = member.delete("/api/v1/me").json()
        payload = json.dumps({"erasure_id": erasure["id"]})
        backend.command("jobs", "enqueue", "privacy.erase_member", payload)
        until(lambda: member.get("/api/v1/purchases").status_code == 401, "the token is not accepted any more")
        assert stripe.get(ready).status_code == 404
    with psycopg.connect(backend.admin_url()) as connection:
        kept = connection.execute("select subject, email from public.purchases where payment = %s", [f"pi_{name}"])
        assert kept.fetchall() == [(f"erased:{erasure['id']}", None)]
    for log in (backend.data / "logs").iterdir():
        text = log.read_text()
        assert email not in text, log.name
        assert ready.rpartition("/")[2] not in text, f"{log.name} holds the link"


def test_what_the_guide_shows_of_webhooks_runs(backend: Up) -> None:
    shown = re.search(
        r"run by tests/acceptance/test_purchase_journey\.py -->\n```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL
    )
    assert shown is not None
    script = shown[1].replace("localhost:8000", f"127.0.0.1:{backend.port}").replace(".clarivum/", f"{backend.data}/")
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == {"id": "evt_guide"}
    until(lambda: letters_to(backend.data / "mail", "alice@example.org"), "the receipt")
