"""AWS Signature Version 4 for requests that are all alike: POST to `/`, JSON, one service.

botocore's own signer is made for every service, and slower; a test holds the two against each other.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

SERVICE = "sqs"
ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request is signed with; `token` for temporary ones."""

    access_key: str
    secret_key: str
    token: str | None = None


class Signer:
    """Signs for one region; the day's key is derived once."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._derived: tuple[str, str, bytes] = ("", "", b"")

    def sign(
        self, headers: Mapping[str, str], path: str, body: bytes, credentials: Credentials, at: datetime
    ) -> dict[str, str]:
        """The headers to add. `headers`: those sent besides, host among them, names in lower case; `at` in UTC."""
        stamp = at.strftime("%Y%m%dT%H%M%SZ")
        scope = f"{stamp[:8]}/{self._region}/{SERVICE}/aws4_request"
        added = {"x-amz-date": stamp}
        if credentials.token is not None:
            added["x-amz-security-token"] = credentials.token
        signed = sorted({**headers, **added}.items())
        names = ";".join(name for name, _ in signed)
        canonical = "\n".join(
            ["POST", path, "", *(f"{name}:{value}" for name, value in signed), "", names, sha256(body).hexdigest()]
        )
        text = f"{ALGORITHM}\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key(credentials, stamp[:8]), text.encode(), "sha256").hex()
        added["authorization"] = (
            f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return added

    def _key(self, credentials: Credentials, day: str) -> bytes:
        known_day, known_secret, key = self._derived
        if (known_day, known_secret) != (day, credentials.secret_key):
            key = f"AWS4{credentials.secret_key}".encode()
            for part in (day, self._region, SERVICE, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._derived = (day, credentials.secret_key, key)
        return key
