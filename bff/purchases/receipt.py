"""The mail that says what was paid. Pure."""

from datetime import datetime
from html import escape

from bff.purchases.contract import Receipt
from clarivum.mail import Letter

# https://docs.stripe.com/currencies#zero-decimal and #three-decimal; every other currency has two.
NO_DECIMALS = frozenset(
    {
        "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf",
    }
)  # fmt: skip
THREE_DECIMALS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})


def amount(minor: int, currency: str) -> str:
    """`49.00 EUR` for 4900 eur; `4900 JPY` for 4900 jpy."""
    decimals = 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    whole, part = divmod(minor, 10**decimals)
    return f"{whole}{f'.{part:0{decimals}d}' if decimals else ''} {currency.upper()}"


def receipt_letter(receipt: Receipt, to: str) -> Letter:
    """The receipt of a purchase, to one address."""
    paid, day = amount(receipt.amount_minor, receipt.currency), _day(receipt.paid_at)
    text = (
        f"Thank you for your purchase.\n\n"
        f"Product    {receipt.product}\nPaid       {paid}\nOn         {day}\nReference  {receipt.id}\n\n"
        "You can use it at once.\n"
    )
    rows = (("Product", receipt.product), ("Paid", paid), ("On", day), ("Reference", str(receipt.id)))
    cells = "".join(f"<tr><th align=left>{name}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    html = f"<p>Thank you for your purchase.</p><table>{cells}</table><p>You can use it at once.</p>"
    return Letter(to, f"Your receipt: {paid}", text, html, receipt.id)


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d} (UTC)"
