"""Mail servers that are slow: one time limit for a letter, after which they get nothing more of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clarivum.errors import DependencyDownError
from clarivum.mail import SmtpMail
from clarivum.mail.server import MailServer
from tests.integration.mail.test_smtp import LETTER, SENDER

ANSWERS = {b"ehlo": b"250 here\r\n", b"mail": b"250 ok\r\n", b"rcpt": b"250 ok\r\n", b"data": b"354 go on\r\n"}


@dataclass
class SlowServer:
    """Speaks SMTP until the step at which it stalls: a command, `taken` for the reply to the data, or `quit`."""

    stalls_at: str
    trickles: bool = False
    """At that step it begins a reply and never ends it, instead of saying nothing."""
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    has_stalled: asyncio.Event = field(default_factory=asyncio.Event)
    is_left: asyncio.Event = field(default_factory=asyncio.Event)
    letters: int = 0
    port: int = 0

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(b"220 slow\r\n")
            while line := await reader.readline():
                command = line[:4].lower()
                await self.stall(command.decode(), reader, writer)
                writer.write(ANSWERS.get(command, b"221 bye\r\n"))
                if command == b"data":
                    await reader.readuntil(b"\r\n.\r\n")
                    self.letters += 1
                    await self.stall("taken", reader, writer)
                    writer.write(b"250 taken\r\n")
        self.is_left.set()
        writer.close()

    async def stall(self, step: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if step != self.stalls_at:
            return
        self.has_stalled.set()
        while self.trickles and not reader.at_eof():
            writer.write(b"250-still at it\r\n")
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.05)
        if not self.trickles:
            await self.go_on.wait()


@asynccontextmanager
async def listening(
    stalls_at: str, *, trickles: bool = False, tls: ssl.SSLContext | None = None
) -> AsyncIterator[SlowServer]:
    slow = SlowServer(stalls_at, trickles)
    server = await asyncio.start_server(slow.speak, "127.0.0.1", 0, ssl=tls)
    slow.port = server.sockets[0].getsockname()[1]
    yield slow
    slow.go_on.set()
    server.close()
    await server.wait_closed()


def mail(slow: SlowServer, deadline_s: float = 0.5) -> SmtpMail:
    return SmtpMail(MailServer("127.0.0.1", slow.port, False, None, None), SENDER, deadline_s=deadline_s)


@pytest.mark.parametrize(("stalls_at", "trickles"), [("ehlo", False), ("rcpt", True), ("data", False), ("data", True)])
async def test_a_server_that_never_comes_to_the_letter_is_left_in_time(stalls_at: str, trickles: bool) -> None:
    async with listening(stalls_at, trickles=trickles) as slow:
        with pytest.raises(DependencyDownError, match="the mail server does not answer"):
            await mail(slow).send(LETTER)
        slow.go_on.set()
        await slow.is_left.wait()
    assert slow.letters == 0


async def test_a_letter_whose_sender_was_cancelled_is_not_delivered_afterwards() -> None:
    async with listening("data") as slow:
        sending = asyncio.create_task(mail(slow, deadline_s=60).send(LETTER))
        await slow.has_stalled.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        slow.go_on.set()
        await slow.is_left.wait()
    assert slow.letters == 0


async def test_over_tls_a_letter_whose_sender_was_cancelled_is_not_delivered_afterwards(
    certificate: dict[str, str], tmp_path: Path
) -> None:
    pem = tmp_path / "server.pem"
    pem.write_text(certificate["key"] + certificate["cert"])
    served, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cadata=certificate["cert"])
    served.load_cert_chain(pem)
    async with listening("data", tls=served) as slow:
        over_tls = SmtpMail(MailServer("127.0.0.1", slow.port, True, None, None), SENDER, tls=trusted)
        sending = asyncio.create_task(over_tls.send(LETTER))
        await slow.has_stalled.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        slow.go_on.set()
        await slow.is_left.wait()
    assert slow.letters == 0


async def test_a_server_that_does_not_say_whether_it_took_the_letter() -> None:
    async with listening("taken") as slow:
        with pytest.raises(DependencyDownError, match="TimeoutError"):
            await mail(slow).send(LETTER)
    assert slow.letters == 1


async def test_a_server_that_does_not_say_goodbye_has_taken_the_letter() -> None:
    async with listening("quit") as slow:
        await mail(slow, deadline_s=60).send(LETTER)
        await slow.has_stalled.wait()
    assert slow.letters == 1
