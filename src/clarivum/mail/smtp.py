"""Letters by SMTP, each within one time limit."""

import asyncio
import smtplib
import socket
import ssl
from contextlib import suppress
from email.message import EmailMessage

from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.errors import DependencyDownError
from clarivum.mail.letter import Letter
from clarivum.mail.server import MailServer

DEADLINE_S = 20.0
"""For one letter, from the connection to the server's last reply. A job that mails has a longer timeout_s: an attempt
that ends first does not note what a server says a moment later, and the letter goes out again."""
STEP_S = 10.0
"""For one reply of the server."""
PERMANENT = 500
"""SMTP replies from here on say that the same again would fail the same way."""


class MailRefusedError(Exception):
    """The server will not take this letter, now or later. The message holds the reply's code, and no address."""


class SmtpMail:
    """Letters by SMTP, one connection each. `tls` is what servers' certificates are checked with."""

    def __init__(
        self,
        server: MailServer,
        sender: str,
        *,
        clock: Clock = SYSTEM_CLOCK,
        tls: ssl.SSLContext | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._server = server
        self._sender = sender
        self._clock = clock
        self._tls = tls
        self._deadline_s = deadline_s

    async def send(self, letter: Letter) -> None:
        """As Mail.send. Returns when the server has taken responsibility (reply 250 to the data).

        When the time limit is over, or the caller is cancelled, the connection is cut: what the server has not taken by
        then, it does not get.
        """
        message = letter.message(self._sender, self._clock.now())
        delivery = Delivery(self._server, self._tls or ssl.create_default_context())
        try:
            async with asyncio.timeout(self._deadline_s):
                await asyncio.to_thread(delivery.hand_over, message)
        except smtplib.SMTPRecipientsRefused as refused:
            raise _failure(next(iter(refused.recipients.values()))[0]) from None
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPHeloError) as refused:
            raise DependencyDownError(f"the mail server does not let us in: {refused.smtp_code}") from None
        except smtplib.SMTPResponseException as refused:
            raise _failure(refused.smtp_code) from None
        except (OSError, smtplib.SMTPException) as error:
            if delivery.is_taken:
                return
            raise DependencyDownError(f"the mail server does not answer: {type(error).__name__}") from None
        finally:
            delivery.cut()


class Delivery:
    """One letter on its way, in a thread of its own. Another thread may `cut` it at any time."""

    def __init__(self, server: MailServer, tls: ssl.SSLContext) -> None:
        self._server = server
        self._tls = tls
        self._connection: smtplib.SMTP | None = None
        self._is_cut = False
        self.is_taken = False
        """Whether the server has answered 250 to the data."""

    def hand_over(self, message: EmailMessage) -> None:
        """Connect, log in, deliver. Raises OSError and what smtplib raises."""
        connection = self._connection = self._connected()
        try:
            if not self._server.tls and not self._server.is_local:
                connection.starttls(context=self._tls)
            if self._server.user is not None and self._server.password is not None:
                connection.login(self._server.user, self._server.password)
            if self._is_cut:
                raise TimeoutError
            connection.send_message(message)
            self.is_taken = True
            with suppress(OSError, smtplib.SMTPException):
                connection.putcmd("quit")  # the answer to it is nothing to wait for
        finally:
            connection.close()

    def cut(self) -> None:
        """End the connection, whatever is going on in it; one that is not made yet delivers nothing."""
        self._is_cut = True
        open_socket = None if self._connection is None else self._connection.sock
        if open_socket is not None:
            with suppress(OSError):
                # Not the TLS socket's own method, which would first go back to plain text.
                socket.socket.shutdown(open_socket, socket.SHUT_RDWR)

    def _connected(self) -> smtplib.SMTP:
        host, port = self._server.host, self._server.port
        if self._server.tls:
            return smtplib.SMTP_SSL(host, port, timeout=STEP_S, context=self._tls)
        return smtplib.SMTP(host, port, timeout=STEP_S)


def _failure(reply: int) -> Exception:
    if reply >= PERMANENT:
        return MailRefusedError(f"the mail server refuses the letter with {reply}")
    return DependencyDownError(f"the mail server answers {reply}")
