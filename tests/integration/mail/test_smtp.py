"""Letters handed to a real mail server: npm's smtp-server."""

import json
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from email import message_from_string
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from clarivum.errors import DependencyDownError
from clarivum.mail import Letter, MailRefusedError, SmtpMail
from clarivum.mail.server import MailServer
from clarivum.testing.npm import install

SERVER = Path(__file__).parents[2] / "npm" / "smtp-server"
KEY = UUID("0f9d6c1e-51b4-4f5c-9f77-1f3c0c6a2b11")
SENDER = "Clarivum <no-reply@clarivum.com>"
LETTER = Letter("alice@example.org", "Zażółć", "Dziękujemy\n.\nkropka", "<p>Dziękujemy</p>", KEY)


@dataclass(frozen=True, slots=True)
class Elsewhere(MailServer):
    """A server on this machine, spoken to as if it were another one."""

    @property
    def is_local(self) -> bool:
        return False


@dataclass
class Running:
    process: "subprocess.Popen[str]"
    port: int

    def received(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        message: dict[str, Any] = json.loads(self.process.stdout.readline())
        return message


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    folder = install(SERVER)
    script = shutil.copy(SERVER / "receive.mjs", folder)
    with ExitStack() as stack:

        def start_one(**options: Any) -> Running:
            process = subprocess.Popen(
                ["node", script, json.dumps(options)], cwd=folder, stdout=subprocess.PIPE, text=True
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            assert process.stdout is not None
            return Running(process, int(process.stdout.readline()))

        yield start_one


def mail(server: MailServer, certificate: dict[str, str] | None = None) -> SmtpMail:
    tls = ssl.create_default_context(cadata=certificate["cert"]) if certificate else None
    return SmtpMail(server, SENDER, tls=tls)


async def test_a_letter_arrives_as_it_was_written(start: Callable[..., Running]) -> None:
    server = start()
    await mail(MailServer("127.0.0.1", server.port, False, None, None)).send(LETTER)
    received = server.received()
    assert (received["from"], received["to"]) == ("no-reply@clarivum.com", ["alice@example.org"])
    message = message_from_string(received["content"])
    assert message["Message-ID"] == f"<{KEY}@clarivum.com>"
    plain = message.get_payload()[0].get_payload(decode=True)
    assert plain.decode().replace("\r\n", "\n").rstrip("\n") == "Dziękujemy\n.\nkropka"


async def test_smtps_and_a_login(start: Callable[..., Running], certificate: dict[str, str]) -> None:
    server = start(secure=True, tls=certificate, user="clarivum", password="correct horse")
    await mail(MailServer("127.0.0.1", server.port, True, "clarivum", "correct horse"), certificate).send(LETTER)
    received = server.received()
    assert (received["secure"], received["user"]) == (True, "clarivum")


async def test_elsewhere_starttls_comes_before_the_login(
    start: Callable[..., Running], certificate: dict[str, str]
) -> None:
    server = start(tls=certificate, user="clarivum", password="correct horse")
    await mail(Elsewhere("127.0.0.1", server.port, False, "clarivum", "correct horse"), certificate).send(LETTER)
    assert server.received()["secure"] is True


async def test_elsewhere_nothing_goes_out_in_the_clear(start: Callable[..., Running]) -> None:
    server = start(hideStarttls=True)
    with pytest.raises(DependencyDownError, match="SMTPNotSupportedError"):
        await mail(Elsewhere("127.0.0.1", server.port, False, None, None)).send(LETTER)


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    start: Callable[..., Running], certificate: dict[str, str]
) -> None:
    server = start(secure=True, tls=certificate)
    with pytest.raises(DependencyDownError, match="SSLCertVerificationError"):
        await mail(MailServer("127.0.0.1", server.port, True, None, None)).send(LETTER)


async def test_what_the_server_will_never_take_is_told_from_what_it_may_take_later(
    start: Callable[..., Running], certificate: dict[str, str]
) -> None:
    never = start(refuse="alice@example.org")
    with pytest.raises(MailRefusedError, match="refuses the letter with 550") as refused:
        await mail(MailServer("127.0.0.1", never.port, False, None, None)).send(LETTER)
    later = start(later="alice@example.org")
    with pytest.raises(DependencyDownError, match="answers 451") as postponed:
        await mail(MailServer("127.0.0.1", later.port, False, None, None)).send(LETTER)
    locked = start(secure=True, tls=certificate, user="clarivum", password="correct horse")
    with pytest.raises(DependencyDownError, match="does not let us in: 535") as locked_out:
        await mail(MailServer("127.0.0.1", locked.port, True, "clarivum", "wrong"), certificate).send(LETTER)
    for error in (refused, postponed, locked_out):
        assert "alice" not in str(error.value)


async def test_no_server_is_another_attempt(start: Callable[..., Running]) -> None:
    server = start()
    server.process.kill()
    server.process.wait()
    with pytest.raises(DependencyDownError, match="ConnectionRefusedError"):
        await mail(MailServer("127.0.0.1", server.port, False, None, None)).send(LETTER)
