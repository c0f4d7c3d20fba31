"""Outgoing mail: by SMTP where SMTP_URL names a server, else as files that can be opened."""

from clarivum.mail.letter import Letter
from clarivum.mail.sending import FolderMail, Mail, outgoing_mail
from clarivum.mail.smtp import MailRefusedError, SmtpMail

__all__ = ["FolderMail", "Letter", "Mail", "MailRefusedError", "SmtpMail", "outgoing_mail"]
