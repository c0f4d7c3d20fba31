"""Where letters go: to the mail server of the settings, or into a folder."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.errors import ConfigurationError
from clarivum.mail.letter import Letter
from clarivum.mail.server import MailServer
from clarivum.mail.smtp import SmtpMail
from clarivum.settings import Environment, Settings

FOLDER = "mail"


class Mail(Protocol):
    """Whatever takes letters."""

    async def send(self, letter: Letter) -> None:
        """Hand the letter over. Raises ValueError (see Letter.message), MailRefusedError, or DependencyDownError when
        another attempt may succeed."""


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
