"""SMTP_URL, read; and where letters go by the settings."""

from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from uuid import UUID

import pytest

from clarivum.errors import ConfigurationError
from clarivum.mail import FolderMail, Letter, SmtpMail, outgoing_mail
from clarivum.mail.server import MailServer
from clarivum.settings import Settings

KEY = UUID("0f9d6c1e-51b4-4f5c-9f77-1f3c0c6a2b11")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.org", MailServer("mail.example.org", 587, False, None, None)),
        ("smtps://mail.example.org/", MailServer("mail.example.org", 465, True, None, None)),
        ("smtp://u%40x:p%2Fw@mail.example.org:2525", MailServer("mail.example.org", 2525, False, "u@x", "p/w")),
        ("smtp://[::1]:25", MailServer("::1", 25, False, None, None)),
    ],
)
def test_a_url_names_the_server(url: str, expected: MailServer) -> None:
    assert MailServer.from_url(url) == expected


@pytest.mark.parametrize(
    "url",
    ["", "mail.example.org", "http://mail.example.org", "smtp://", "smtp://mail.example.org:no", "smtp://x:99999",
     "smtp://x:0", "smtp://topsecret@x", "smtp://u:topsecret@x/inbox", "smtp://x?topsecret", "smtp://[::1"],
)  # fmt: skip
def test_anything_else_is_refused_without_its_value(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SMTP_URL") as refused:
        MailServer.from_url(url)
    assert "topsecret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["mail.example.org", "http://mail.example.org", "smtp://", "smtp://u:topsecret@x/inbox"]
)
def test_a_url_that_cannot_be_read_stops_the_start_up(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SMTP_URL must be like") as refused:
        Settings.load({"SMTP_URL": url})
    assert "topsecret" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "local"),
    [("localhost", True), ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost.example", False),
     ("10.0.0.1", False)],
)  # fmt: skip
def test_only_this_machine_is_spoken_to_in_the_clear(host: str, local: bool) -> None:
    assert MailServer(host, 25, False, None, None).is_local is local


def test_the_password_is_not_shown() -> None:
    assert "hunter2" not in repr(MailServer.from_url("smtp://u:hunter2@mail.example.org"))


async def test_without_a_server_letters_are_files(tmp_path: Path) -> None:
    mail = outgoing_mail({"CLARIVUM_DATA": str(tmp_path), "CLARIVUM_MAIL_FROM": "Shop <shop@example.org>"})
    assert isinstance(mail, FolderMail)
    for _ in range(2):
        await mail.send(Letter("alice@example.org", "Hello", "text", "<p>text</p>", KEY))
    (file,) = (tmp_path / "mail").iterdir()
    assert file.name == f"{KEY}.eml"
    read = message_from_bytes(file.read_bytes())
    assert (read["From"], read["Message-ID"]) == ("Shop <shop@example.org>", f"<{KEY}@example.org>")
    assert datetime.strptime(read["Date"], "%a, %d %b %Y %H:%M:%S %z") <= datetime.now(UTC)


def test_the_settings_choose() -> None:
    assert isinstance(outgoing_mail({"SMTP_URL": "smtps://mail.example.org"}), SmtpMail)
    production = {
        "CLARIVUM_ENVIRONMENT": "production", "AUTH0_DOMAIN": "clarivum.eu.auth0.com", "DATABASE_URL": "postgresql://x",
    }  # fmt: skip
    with pytest.raises(ConfigurationError, match="SMTP_URL is missing"):
        outgoing_mail(production)
