"""One request to the issuer, bounded in time and size, to an endpoint that its metadata names."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from clarivum.auth.fetch import MAX_DOCUMENT_BYTES, trust_store
from clarivum.auth.policy import LOOPBACK_HOSTS
from clarivum.auth.strict_json import parse_object

TIMEOUT_S = 5.0


class ExchangeError(Exception):
    """No answer that can be used; the message says why and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the issuer said: its status, and the JSON object it sent ({} for an empty body)."""

    status: int
    content: Mapping[str, Any]


Post = Callable[[str, Mapping[str, str], str], Awaitable[Answer]]
"""Sends a form: URL, header lines, body as `application/x-www-form-urlencoded`."""


async def post_form(url: str, headers: Mapping[str, str], body: str) -> Answer:
    """Send a form and read the JSON object that answers it: at most 256 KiB, within 5 s, no redirect followed.

    Raises ExchangeError.
    """
    tls = await asyncio.to_thread(trust_store)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await _post(url, headers, body, tls)
    except TimeoutError:
        raise ExchangeError(f"no complete answer within {TIMEOUT_S:.0f} s") from None
    except ExchangeError:
        raise
    except Exception as error:  # the client raises its own types, the resolver's, and OpenSSL's
        raise ExchangeError(type(error).__name__) from None


async def _post(url: str, headers: Mapping[str, str], body: str, tls: Any) -> Answer:
    import httpx  # noqa: PLC0415 - loaded by trust_store in a thread: it takes a quarter of a second

    sent = {
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": "clarivum",
        **headers,
    }
    trust_env = urlsplit(url).hostname not in LOOPBACK_HOSTS
    async with (
        httpx.AsyncClient(verify=tls, trust_env=trust_env, timeout=TIMEOUT_S) as client,
        client.stream("POST", url, headers=sent, content=body) as answer,
    ):
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise ExchangeError("compressed, though asked not to be")
        content = bytearray()
        async for piece in answer.aiter_raw():
            content += piece
            if len(content) > MAX_DOCUMENT_BYTES:
                raise ExchangeError(f"more than {MAX_DOCUMENT_BYTES} bytes")
        return Answer(answer.status_code, _object(answer.status_code, bytes(content)))


def _object(status: int, content: bytes) -> dict[str, Any]:
    if not content.strip():
        return {}
    try:
        return parse_object(content)
    except ValueError:
        raise ExchangeError(f"status {status}, and no JSON object") from None
