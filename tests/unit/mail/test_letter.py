"""What a mail looks like on the wire, and what can never become one."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

import pytest

from clarivum.mail import Letter

KEY = UUID("0f9d6c1e-51b4-4f5c-9f77-1f3c0c6a2b11")
AT = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
SENDER = "Clarivum <no-reply@clarivum.com>"


def letter(**changes: object) -> Letter:
    fields = {"to": "alice@example.org", "subject": "Your receipt", "text": "Thank you", "html": "<p>Thank you</p>"}
    return Letter(**{**fields, "key": KEY, **changes})  # type: ignore[arg-type]


def written(one: Letter, sender: str = SENDER) -> EmailMessage:
    parsed = message_from_bytes(bytes(one.message(sender, AT)), policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_a_letter_has_both_parts_and_headers_that_tell_repetitions() -> None:
    mail = written(letter(subject="Rachunek – 49 zł", text="Dziękujemy za 49 zł.\n", html="<p>Dziękujemy</p>"))
    assert (mail["From"], mail["To"], mail["Subject"]) == (SENDER, "alice@example.org", "Rachunek – 49 zł")
    assert mail["Date"].datetime == AT
    assert mail["Message-ID"] == f"<{KEY}@clarivum.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    plain, html = mail.iter_parts()
    assert (plain.get_content_type(), plain.get_content()) == ("text/plain", "Dziękujemy za 49 zł.\r\n")
    assert (html.get_content_type(), html.get_content()) == ("text/html", "<p>Dziękujemy</p>\r\n")
    assert written(letter())["Message-ID"] == written(letter())["Message-ID"]


@pytest.mark.parametrize(
    "end", ["\r\nBcc: eve@example.org", "\nBcc: eve@example.org", "\r", "\x00", "\x0b", "\x85", "\u2028x"]
)
def test_nothing_in_a_header_becomes_another_header(end: str) -> None:
    for changes in ({"to": f"alice@example.org{end}"}, {"subject": f"Receipt{end}"}):
        with pytest.raises(ValueError, match="control character") as refused:
            written(letter(**changes))
        assert "alice" not in str(refused.value)
    with pytest.raises(ValueError, match="the sender holds a control character"):
        written(letter(), f"Clarivum{end} <no-reply@clarivum.com>")


@pytest.mark.parametrize(
    "to",
    ["", "alice", "@example.org", "alice@", "a@b@c", "alice@example.org, eve@example.org", "<alice@example.org>",
     "alice@example.org;eve@example.org", "Alice <alice@example.org>", "alice @example.org", '"a b"@example.org',
     "alice@-example.org", "alice@example.org.", "a" * 65 + "@example.org"],
)  # fmt: skip
def test_a_letter_goes_to_one_plain_address(to: str) -> None:
    with pytest.raises(ValueError, match="the recipient is not one plain e-mail address") as refused:
        written(letter(to=to))
    assert to == "" or to not in str(refused.value)


def test_the_subject_has_a_length() -> None:
    for subject in ("", "x" * 201):
        with pytest.raises(ValueError, match="1 to 200 characters"):
            written(letter(subject=subject))


def test_a_letter_shows_nobody() -> None:
    assert "alice" not in repr(letter())
