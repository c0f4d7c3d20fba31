"""Opaque cursors: the sort key of a page's last row, sealed for one list with one set of filters."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from datetime import date, datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson

from clarivum.api.page import Keyset
from clarivum.errors import INVALID_CURSOR, RequestError

SEAL_BYTES = 16
MAX_CURSOR_CHARACTERS = 1_024

_READERS: dict[type, Callable[[Any], Any]] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    UUID: UUID,
    int: int,
    str: str,
}


class CursorSeal:
    """Writes and reads cursors with one key, which every process of the application shares.

    A cursor is the base64url of a keyed BLAKE2b (RFC 7693) over fingerprint and position, and of the position itself.
    It is tamper-evident, not secret: a keyset should not name a column that the caller may not see.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def encode(self, fingerprint: bytes, position: Sequence[object]) -> str:
        payload = orjson.dumps(position)
        return urlsafe_b64encode(self._seal(fingerprint, payload) + payload).rstrip(b"=").decode()

    def decode(self, fingerprint: bytes, keyset: Keyset, cursor: str) -> tuple[object, ...]:
        """Raises RequestError invalid_cursor when it was not issued by `encode` with this key and fingerprint."""
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (Base64Error, ValueError):
            raise self._refusal() from None
        seal, payload = raw[:SEAL_BYTES], raw[SEAL_BYTES:]
        canonical = urlsafe_b64encode(raw).rstrip(b"=").decode() == cursor
        if not canonical or not hmac.compare_digest(seal, self._seal(fingerprint, payload)):
            raise self._refusal()
        return tuple(
            _READERS[kind](value) for (_, kind), value in zip(keyset.columns, orjson.loads(payload), strict=True)
        )

    def _seal(self, fingerprint: bytes, payload: bytes) -> bytes:
        return blake2b(
            fingerprint + b"\0" + payload, key=self._key, digest_size=SEAL_BYTES, person=b"clarivum-cursor"
        ).digest()

    def _refusal(self) -> RequestError:
        return RequestError("The cursor does not belong to this list with these filters.", code=INVALID_CURSOR)


def fingerprint_of(list_name: str, filters: Sequence[tuple[str, str]]) -> bytes:
    """What a cursor is bound to: the list, and every parameter except the cursor and the page's size."""
    return orjson.dumps((list_name, sorted(filters)))
