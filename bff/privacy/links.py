"""Links to a file: who has one can fetch it until it expires, and nobody can make one. Pure.

`<export id>.<expires, seconds since the epoch>.<HMAC-SHA256>`; the key is the export's own, the member is in what is
signed, so a link leads to one member's file and dies with its row.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

PATTERN = r"^[0-9a-f]{32}\.[0-9]{10}\.[0-9a-f]{64}$"
TOKEN = re.compile(PATTERN)


@dataclass(frozen=True, slots=True)
class FileLink:
    """A link as it was sent; nothing of it is proven until `proves`."""

    export_id: UUID
    expires_s: int
    signature: str

    @classmethod
    def read(cls, token: str) -> "FileLink | None":
        """None for what no link of ours looks like."""
        if TOKEN.fullmatch(token) is None:
            return None
        export_id, expires, signature = token.split(".")
        return cls(UUID(export_id), int(expires), signature)

    def proves(self, subject: str, key: bytes, now: datetime) -> bool:
        """Whether we made it for this member's file, and it has not expired. In constant time."""
        genuine = hmac.compare_digest(self.signature, _signature(self.export_id, self.expires_s, subject, key))
        return genuine and now.timestamp() < self.expires_s


def file_link(export_id: UUID, subject: str, key: bytes, expires_at: datetime) -> str:
    """The path of a file, with its link."""
    expires_s = int(expires_at.timestamp())
    return f"/files/{export_id.hex}.{expires_s}.{_signature(export_id, expires_s, subject, key)}"


def _signature(export_id: UUID, expires_s: int, subject: str, key: bytes) -> str:
    signed = b"clarivum file\0%b%b%b" % (export_id.bytes, expires_s.to_bytes(8, "big"), subject.encode("utf-8"))
    return hmac.new(key, signed, sha256).hexdigest()
