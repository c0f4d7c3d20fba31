"""Where letters go: to a mail server, or into a folder."""

import asyncio
import os
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.errors import ConfigurationError, DependencyDownError
from clarivum.mail.letter import Letter
from clarivum.mail.server import MailServer
from clarivum.settings import Environment, Settings

TIMEOUT_S = 10.0
FOLDER = "mail"
PERMANENT = 500
"""SMTP replies from here on say that the same again would fail the same way."""


class MailRefusedError(Exception):
    """The server will not take this letter, now or later. The message holds the reply's code, and no address."""


class Mail(Protocol):
    """Whatever takes letters."""

    async def send(self, letter: Letter) -> None:
        """Hand the letter over. Raises ValueError (see Letter.message), MailRefusedError, or DependencyDownError when
        another attempt may succeed."""


class SmtpMail:
    """Letters by SMTP, one connection each. `tls` is what servers' certificates are checked with."""

    def __init__(
        self, server: MailServer, sender: str, *, clock: Clock = SYSTEM_CLOCK, tls: ssl.SSLContext | None = None
    ) -> None:
        self._server = server
        self._sender = sender
        self._clock = clock
        self._tls = tls

    async def send(self, letter: Letter) -> None:
        """As Mail.send. Returns when the server has taken responsibility (reply 250 to the data)."""
        message = letter.message(self._sender, self._clock.now())
        try:
            await asyncio.to_thread(self._hand_over, message)
        except smtplib.SMTPRecipientsRefused as refused:
            raise _failure(next(iter(refused.recipients.values()))[0]) from None
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPHeloError) as refused:
            raise DependencyDownError(f"the mail server does not let us in: {refused.smtp_code}") from None
        except smtplib.SMTPResponseException as refused:
            raise _failure(refused.smtp_code) from None
        except (OSError, smtplib.SMTPException) as error:
            raise DependencyDownError(f"the mail server does not answer: {type(error).__name__}") from None

    def _hand_over(self, message: EmailMessage) -> None:
        server, context = self._server, self._tls or ssl.create_default_context()
        if server.tls:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=context)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
        with connection:
            if not server.tls and not server.is_local:
                connection.starttls(context=context)
            if server.user is not None and server.password is not None:
                connection.login(server.user, server.password)
            connection.send_message(message)


class FolderMail:
    """Letters as `<key>.eml` in a folder: what any mail program opens. Every attempt writes the same file."""

    def __init__(self, folder: Path, sender: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._folder = folder
        self._sender = sender
        self._clock = clock

    async def send(self, letter: Letter) -> None:
        """As Mail.send; the file appears whole or not at all."""
        content = bytes(letter.message(self._sender, self._clock.now()))
        await asyncio.to_thread(self._write, f"{letter.key}.eml", content)

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self._folder / f".{name}.{os.getpid()}"
        unfinished.write_bytes(content)
        unfinished.replace(self._folder / name)


def outgoing_mail(environ: Mapping[str, str] = os.environ) -> Mail:
    """What the settings ask for: SMTP_URL's server, else `mail/` in the data folder.

    Raises ConfigurationError when SMTP_URL cannot be read, or is missing in production.
    """
    settings = Settings.load(environ)
    if settings.smtp_url is not None:
        return SmtpMail(MailServer.from_url(settings.smtp_url.get_secret_value()), settings.mail_from)
    if settings.environment is Environment.PRODUCTION:
        raise ConfigurationError("SMTP_URL is missing: in production mail is not written to files")
    return FolderMail(Path(environ.get("CLARIVUM_DATA") or ".clarivum") / FOLDER, settings.mail_from)


def _failure(reply: int) -> Exception:
    if reply >= PERMANENT:
        return MailRefusedError(f"the mail server refuses the letter with {reply}")
    return DependencyDownError(f"the mail server answers {reply}")
