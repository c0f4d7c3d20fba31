"""What settings may be: their kinds, when a secret is strong enough, and how a value is shown."""

import re
from enum import StrEnum
from urllib.parse import unquote

from pydantic import SecretStr

PLACEHOLDER_SECRET = re.compile(
    r"change[-_ ]?me|secret|password|example|placeholder|your[-_ ]|xxxx|12345", re.IGNORECASE
)
MIN_SECRET_CHARACTERS = 32
USER_AND_PASSWORD = re.compile(r"(?<=://)([^:@/?]*):(?:[^?]*|[^@]*)@")
"""Of a URL: up to the last `@` before the query, since a password may hold one that should have been escaped."""
URL_PARAMETER = re.compile(r"(?P<name>[?&][^=&]+=)(?P<value>[^&]*)")
CONNINFO_PASSWORD = re.compile(r"\b((?:ssl)?password\s*=\s*)(?:'(?:[^'\\]|\\.)*'?|(?:[^\s\\]|\\.)+)")
"""Of libpq's `host=… password=…`; a value with spaces is quoted, a backslash escapes."""


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
    """A setting as it may be shown: secrets as stars, and the passwords of a URL or of a libpq connection string."""
    if value is None:
        return "(not set)"
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    if "://" in text:
        return URL_PARAMETER.sub(_mask_parameter, USER_AND_PASSWORD.sub(r"\1:***@", text))
    return "***" if isinstance(value, SecretStr) else CONNINFO_PASSWORD.sub(r"\1***", text)


def _mask_parameter(parameter: re.Match[str]) -> str:
    """One parameter of a URL's query; libpq takes a password there too, its name escaped or not."""
    name = unquote(parameter["name"])[1:-1]
    return f"{parameter['name']}***" if name.lower().endswith(("password", "secret")) else parameter[0]


def strong_secret(text: str) -> bool:
    """Whether a secret is long enough and no placeholder."""
    return len(text) >= MIN_SECRET_CHARACTERS and len(set(text)) >= 8 and not PLACEHOLDER_SECRET.search(text)
