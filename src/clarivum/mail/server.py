"""The mail server that SMTP_URL names. Pure."""

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from clarivum.errors import ConfigurationError

SUBMISSION_PORT, TLS_PORT = 587, 465
EXPECTED = "SMTP_URL must be like smtp://user:password@mail.example.org:587 or smtps://mail.example.org"


@dataclass(frozen=True, slots=True)
class MailServer:
    """`tls`: from the first byte (smtps). Otherwise STARTTLS, and nothing without it, except on this machine."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None = field(repr=False)

    @property
    def is_local(self) -> bool:
        """Whether nothing leaves this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @classmethod
    def from_url(cls, url: str) -> "MailServer":
        """Read SMTP_URL. Raises ConfigurationError, without the value."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ConfigurationError(EXPECTED) from None
        tls = parts.scheme == "smtps"
        further = parts.path.strip("/") or parts.query or parts.fragment
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or further or port == 0:
            raise ConfigurationError(EXPECTED)
        if (parts.username is None) != (parts.password is None):
            raise ConfigurationError("SMTP_URL names a user without a password, or a password without a user")
        return cls(
            host=parts.hostname,
            port=port or (TLS_PORT if tls else SUBMISSION_PORT),
            tls=tls,
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
        )
