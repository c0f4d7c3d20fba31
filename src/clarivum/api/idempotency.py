"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same key and request have one effect and one answer.

The key's lock, the handler's effect and the answer are in one transaction: all of them are kept, or none is. A request
that failed keeps nothing, so it may be sent again under its key.
"""

import re
from dataclasses import dataclass
from hashlib import sha256

from clarivum.api.response import Response, base_head
from clarivum.api.statements import queries
from clarivum.database import Transaction
from clarivum.errors import (
    IDEMPOTENCY_KEY_REUSED,
    INTERNAL,
    INVALID_IDEMPOTENCY_KEY,
    REQUEST_IN_FLIGHT,
    RequestError,
)

RETENTION_HOURS = 24
MAX_ANSWER_BYTES = 262_144
FORGOTTEN_PER_ANSWER = 2
RETRY_AFTER_S = 1
REPLAYED = b"idempotency-replayed: true\r\n"

QUOTED_KEY = re.compile(rb'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
PLAIN_KEY = re.compile(rb"[\x21\x23-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request under a key. `digest` names caller, route and key; `fingerprint` what was asked."""

    digest: bytes
    fingerprint: bytes
    route: str


def read_key(header: bytes | None, *, required: bool) -> bytes | None:
    """The key in the header, quoted or not. Raises RequestError 400 when it is malformed, or missing and required."""
    if header is None:
        if required:
            raise RequestError("This request needs an Idempotency-Key header.", code=INVALID_IDEMPOTENCY_KEY)
        return None
    text = header.strip(b" \t")
    quoted = QUOTED_KEY.fullmatch(text)
    key = re.sub(rb"\\(.)", rb"\1", quoted[1]) if quoted else text
    if not 1 <= len(key) <= 255 or not (quoted or PLAIN_KEY.fullmatch(text)):
        raise RequestError(
            "The Idempotency-Key header must hold 1 to 255 visible ASCII characters, quoted or not.",
            code=INVALID_IDEMPOTENCY_KEY,
        )
    return key


def keyed_request(
    key: bytes, *, caller: str | None, route: str, target: tuple[bytes, bytes], body: bytes
) -> KeyedRequest:
    """`caller` is the subject, None for the anonymous; `route` is method and path template; `target` path and query."""
    who = b"" if caller is None else b"\x01" + caller.encode("utf-8", "surrogatepass")
    asked = sha256()
    for part in (*target, body):
        asked.update(b"%d:" % len(part))
        asked.update(part)
    digest = sha256(b"\0".join((b"%d" % len(who), who, route.encode(), key))).digest()
    return KeyedRequest(digest, asked.digest(), route)


async def claim(tx: Transaction, request: KeyedRequest) -> Response | None:
    """The answer given before, or None: then this transaction holds the key until its end.

    Raises RequestError: 409 while another request holds the key, 422 when the key was used for another request.
    """
    with tx.as_worker():
        known = await tx.one(queries.claim_key, digest=request.digest, fingerprint=request.fingerprint)
    match known["state"]:
        case "in_flight":
            raise RequestError(
                "The first request with this Idempotency-Key has not been answered yet.",
                code=REQUEST_IN_FLIGHT,
                retry_after_s=RETRY_AFTER_S,
            )
        case "reused":
            raise RequestError(
                "The first request with this Idempotency-Key had another path, query or body.",
                code=IDEMPOTENCY_KEY_REUSED,
            )
        case "answered":
            status: int = known["status"]
            return Response(status, base_head(status) + known["head"].encode("ascii") + REPLAYED, known["body"])
    return None


def keep(tx: Transaction, request: KeyedRequest, answer: Response) -> None:
    """Store the answer with the effect; sent with COMMIT. Raises RequestError when it is too large to be kept."""
    if len(answer.body) > MAX_ANSWER_BYTES:
        raise RequestError(
            "The request failed on our side.",
            code=INTERNAL,
            log=f"{request.route}: an answer of {len(answer.body)} bytes, at most {MAX_ANSWER_BYTES} can be kept",
        )
    with tx.as_worker():
        tx.defer(
            queries.keep_answer,
            digest=request.digest,
            fingerprint=request.fingerprint,
            route=request.route,
            status=answer.status,
            head=answer.head.removeprefix(base_head(answer.status)).decode("ascii"),
            body=answer.body,
            retention_hours=RETENTION_HOURS,
        )
        tx.defer(queries.forget_expired_answers, count=FORGOTTEN_PER_ANSWER)
