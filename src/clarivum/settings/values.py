"""What settings may be: their kinds, when a secret is strong enough, and how a value is shown."""

import re
from enum import StrEnum

from pydantic import SecretStr

PLACEHOLDER_SECRET = re.compile(
    r"change[-_ ]?me|secret|password|example|placeholder|your[-_ ]|xxxx|12345", re.IGNORECASE
)
MIN_SECRET_CHARACTERS = 32


class Environment(StrEnum):
    """Where this process runs. Outside production the identity stand-in may be used."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class JobsTransport(StrEnum):
    """Where jobs are queued."""

    PGMQ = "pgmq"
    SQS = "sqs"


def mask(value: object) -> str:
    """A setting as it may be shown: secrets as stars, the password of a URL as stars."""
    if value is None:
        return "(not set)"
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    if "://" in text:
        return re.sub(r"(?<=://)([^:@/]*):[^@]*@", r"\1:***@", text)
    return "***" if isinstance(value, SecretStr) else text


def strong_secret(text: str) -> bool:
    """Whether a secret is long enough and no placeholder."""
    return len(text) >= MIN_SECRET_CHARACTERS and len(set(text)) >= 8 and not PLACEHOLDER_SECRET.search(text)
