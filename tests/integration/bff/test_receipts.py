"""Receipts through a real mail server, and what becomes of those that cannot be delivered."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bff.purchases.jobs import ReconcilePurchases, fulfil_purchase, reconcile_purchases, send_receipt
from clarivum.database import Database
from clarivum.jobs.message import run_id_of, window_of
from clarivum.jobs.redrive import redrive
from clarivum.jobs.transports.pgmq import PgmqTransport
from clarivum.testing.npm import install
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.bff.conftest import Backend
from tests.integration.bff.stripe_events import paid

ROOT = Path(__file__).parents[3]
SERVER = ROOT / "tests" / "npm" / "smtp-server"
Mailbox = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def mail_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """Start a server and name it in SMTP_URL; each line that it prints is a message."""
    folder = install(SERVER)
    script = shutil.copy(SERVER / "receive.mjs", folder)
    with ExitStack() as stack:

        def start(**options: Any) -> "subprocess.Popen[str]":
            process = subprocess.Popen(
                ["node", script, json.dumps(options)], cwd=folder, stdout=subprocess.PIPE, text=True
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            assert process.stdout is not None
            monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{int(process.stdout.readline())}")
            return process

        yield start


async def test_a_receipt_is_delivered_with_its_purchase_in_the_message_id(
    backend: Backend, mail_server: Mailbox
) -> None:
    server = mail_server()
    await backend.webhook(paid("pi_mail"))
    async with backend.working(fulfil_purchase, send_receipt):
        await backend.until(lambda: backend.runs("purchases.send_receipt"), "the receipt is sent")
    assert server.stdout is not None
    received = json.loads(server.stdout.readline())
    assert received["to"] == ["alice@example.org"]
    (purchase,) = backend.rows("select id from public.purchases")
    assert f"Message-ID: <{purchase['id']}@clarivum.com>" in received["content"]
    assert backend.letters() == []
    assert backend.count("public.purchases where receipt_sent_at is not null") == 1


async def test_a_receipt_that_nobody_takes_is_a_dead_letter_without_the_address(
    backend: Backend, mail_server: Mailbox
) -> None:
    mail_server(refuse="alice@example.org")
    await backend.webhook(paid("pi_refused"))
    async with backend.working(fulfil_purchase, send_receipt):
        await backend.until(lambda: backend.count("clarivum.dead_letters"), "the letter is dead")
    (letter,) = backend.rows("select * from clarivum.dead_letters")
    assert letter["job"] == "purchases.send_receipt"
    assert "550" in json.dumps(letter, default=str)
    assert "alice" not in json.dumps(letter, default=str)
    assert backend.count("public.purchases where status = 'fulfilled' and receipt_sent_at is null") == 1


async def test_a_receipt_that_met_no_server_is_sent_when_it_is_driven_again(
    backend: Backend, mail_server: Mailbox
) -> None:
    away = mail_server()
    away.kill()
    away.wait()
    await backend.webhook(paid("pi_away"))
    async with backend.working(fulfil_purchase, send_receipt):
        await backend.until(lambda: backend.count("clarivum.dead_letters"), "every attempt is over")
        (letter,) = backend.rows("select * from clarivum.dead_letters")
        assert "the mail server does not answer" in json.dumps(letter, default=str)
        mail_server()
        async with Database(backend.urls.app, pipelines=1, connections=1) as database:
            await redrive(database, send_receipt, [letter["run_id"]], PgmqTransport(database))
        await backend.until(lambda: backend.runs("purchases.send_receipt"), "the receipt is sent")
    assert backend.count("public.purchases where receipt_sent_at is not null") == 1


async def test_a_receipt_that_was_given_up_is_asked_for_again_at_night(backend: Backend, mail_server: Mailbox) -> None:
    away = mail_server()
    away.kill()
    away.wait()
    hours_ago = {"pi_today": 2, "pi_last_week": 170}
    for payment in hours_ago:
        await backend.webhook(paid(payment))
    async with backend.working(fulfil_purchase, send_receipt):
        await backend.until(lambda: backend.count("clarivum.dead_letters") == 2, "every attempt is over")
    assert backend.rows("select distinct attempts from clarivum.dead_letters") == [{"attempts": 12}]
    for payment, hours in hours_ago.items():
        at = datetime.now(UTC) - timedelta(hours=hours)
        (purchase,) = backend.rows(
            "update public.purchases set fulfilled_at = %s where payment = %s returning id::text as id", at, payment
        )
        earlier = run_id_of(send_receipt.name, purchase["id"], window_of(send_receipt, at))
        for ledger in ("job_runs", "dead_letters"):
            backend.rows(f"update clarivum.{ledger} set run_id = %s where key = %s", earlier, purchase["id"])
    mail_server()
    async with backend.working(send_receipt, reconcile_purchases):
        await backend.enqueue(ReconcilePurchases(due_at=datetime(2026, 11, 26, 1, 30, tzinfo=UTC)))
        await backend.until(
            lambda: backend.count("public.purchases where receipt_sent_at is not null"), "the receipt is sent"
        )
        await backend.enqueue(ReconcilePurchases(due_at=datetime(2026, 11, 27, 1, 30, tzinfo=UTC)))
        await backend.until(lambda: backend.runs("purchases.reconcile") == 2, "the next night is over")
    sent = backend.rows("select payment from public.purchases where receipt_sent_at is not null")
    assert [row["payment"] for row in sent] == ["pi_today"]
    assert backend.count("pgmq.q_purchases_send_receipt") == 0


@pytest.mark.parametrize(
    ("smtp_url", "code", "said"),
    [(None, 3, "SMTP_URL is missing"), ("smtps://mail.example.org", 0, "worker waits for the queues")],
)
def test_in_production_a_worker_that_cannot_mail_does_not_start(
    database_urls: DatabaseUrls, smtp_url: str | None, code: int, said: str
) -> None:
    """With a mail server it gets as far as the queue, which is away."""
    environ = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    environ |= {
        "CLARIVUM_ENVIRONMENT": "production", "AUTH0_DOMAIN": "clarivum.eu.auth0.com",
        "DATABASE_URL": database_urls.app, "CLARIVUM_JOBS_TRANSPORT": "sqs", "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": "https://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
    } | ({} if smtp_url is None else {"SMTP_URL": smtp_url})  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "clarivum", "jobs", "work"],
        cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as worker:  # fmt: skip
        assert worker.stdout is not None
        told = ""
        for line in worker.stdout:
            told += line
            if said in line and code == 0:
                worker.terminate()  # it would wait for ever
        assert worker.wait(20) == code, told
    assert said in told
    assert ("SMTP_URL" in told) == ("purchases.send_receipt" in told) == (smtp_url is None)


async def test_without_an_address_at_the_checkout_the_profiles_is_used(backend: Backend) -> None:
    seen = await backend.client.get("/api/v1/profile", headers=backend.bearer(email="profile@example.org"))
    assert seen.json()["email"] == "profile@example.org"
    await backend.webhook(paid("pi_known", customer_details=None))
    await backend.webhook(paid("pi_unknown", customer_details=None, subject="auth0|nobody"))
    async with backend.working(fulfil_purchase, send_receipt):
        await backend.until(lambda: backend.runs("purchases.send_receipt") == 2, "both runs are over")
    assert [letter["To"] for letter in backend.letters()] == ["profile@example.org"]
    assert backend.count("public.purchases where receipt_sent_at is null and subject = 'auth0|nobody'") == 1
