"""One mail as it goes out. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from uuid import UUID

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")
MAX_SUBJECT_CHARACTERS = 200
NOT_ALLOWED = "holds a control character, such as a line break"


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """A mail to one person: plain text, and the same as HTML. Its repr names nobody.

    `key` is what it is about, such as a purchase: however often it is sent, it has the same Message-ID, so that a
    repetition can be recognised.
    """

    to: str
    subject: str
    text: str
    html: str
    key: UUID

    def message(self, sender: str, at: datetime) -> EmailMessage:
        """As RFC 5322 has it. `sender` is `Name <address>` or an address, `at` has an offset.

        Raises ValueError, without the text that is wrong, for an address that is none and for anything that would
        become a header of its own.
        """
        name, address = parseaddr(sender)
        for part, text in (("the sender", sender), ("the recipient", self.to), ("the subject", self.subject)):
            if CONTROL.search(text):
                raise ValueError(f"{part} {NOT_ALLOWED}")
        for part, text in (("the sender", address), ("the recipient", self.to)):
            if not ADDRESS.fullmatch(text):
                raise ValueError(f"{part} is not one plain e-mail address")
        if not 1 <= len(self.subject) <= MAX_SUBJECT_CHARACTERS:
            raise ValueError(f"the subject must have 1 to {MAX_SUBJECT_CHARACTERS} characters")
        message = EmailMessage(policy=SMTP)
        message["From"] = Address(name, addr_spec=address)
        message["To"] = Address(addr_spec=self.to)
        message["Subject"] = self.subject
        message["Date"] = format_datetime(at)
        message["Message-ID"] = f"<{self.key}@{address.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        message.set_content(self.text)
        message.add_alternative(self.html, subtype="html")
        return message
