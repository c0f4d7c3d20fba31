"""Amounts as people read them, and the mail around them."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from bff.purchases.contract import Receipt
from bff.purchases.receipt import amount, receipt_letter

ID = UUID("7c1f1f3e-6b0e-4c55-8c92-7a0f5d2b9e44")


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (4900, "eur", "49.00 EUR"),
        (5, "usd", "0.05 USD"),
        (0, "pln", "0.00 PLN"),
        (4900, "jpy", "4900 JPY"),
        (12_345, "kwd", "12.345 KWD"),
        (2**62, "eur", "46116860184273879.04 EUR"),
    ],
)
def test_an_amount_is_in_the_currencys_own_decimals(minor: int, currency: str, shown: str) -> None:
    assert amount(minor, currency) == shown


def test_a_receipt_says_what_was_paid_in_both_parts() -> None:
    at = datetime(2026, 11, 26, 23, 59, tzinfo=UTC)
    receipt = Receipt(id=ID, product="Insights <b>", amount_minor=4900, currency="eur", paid_at=at, email=None)
    letter = receipt_letter(receipt, "alice@example.org")
    assert (letter.to, letter.subject, letter.key) == ("alice@example.org", "Your receipt: 49.00 EUR", ID)
    for word in ("49.00 EUR", "2026-11-26 (UTC)", str(ID)):
        assert word in letter.text
        assert word in letter.html
    assert "Insights <b>" in letter.text
    assert "Insights &lt;b&gt;" in letter.html
    assert "<b>" not in letter.html


def test_a_product_cannot_become_a_header() -> None:
    at = datetime(2026, 11, 26, tzinfo=UTC)
    receipt = Receipt(
        id=ID, product="x\r\nBcc: eve@example.org", amount_minor=1, currency="eur", paid_at=at, email=None
    )
    message = receipt_letter(receipt, "alice@example.org").message("shop@example.org", at)
    assert message["Bcc"] is None
