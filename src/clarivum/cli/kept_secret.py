"""Secrets that a development machine makes for itself and keeps."""

import os
import secrets
from pathlib import Path

from clarivum.settings import strong_secret

AUTH_SECRET_FILE = "auth.secret"  # noqa: S105
"""The file that holds AUTH_SECRET in the folder of `up`, which makes it unless one is set."""

WEBHOOK_SECRET_FILE = "stripe.secret"  # noqa: S105
"""The file that holds STRIPE_WEBHOOK_SECRET there, made likewise."""


def kept_secret(path: Path) -> str:
    """The secret in the file, mode 0600; made when there is none, and the same at every start from then on."""
    if not path.exists():
        secret = secrets.token_urlsafe(36)
        while not strong_secret(secret):  # one that happens to look like a placeholder
            secret = secrets.token_urlsafe(36)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secret)
    return path.read_text()
