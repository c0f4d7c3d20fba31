"""Fetching an issuer's key set: one GET, bounded in time and size, to the configured place and nowhere else."""

import asyncio
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from clarivum.auth.policy import LOOPBACK_HOSTS

if TYPE_CHECKING:
    import ssl

TIMEOUT_S = 3.0
MAX_DOCUMENT_BYTES = 262_144


class FetchError(Exception):
    """No usable document; the message says why and repeats nothing of it."""


async def fetch_document(url: str) -> bytes:
    """The body at `url`: status 200, uncompressed, at most 256 KiB, complete within 3 s from the first byte sent.

    Redirects are not followed: an issuer's keys lie where the issuer is. HTTPS_PROXY and SSL_CERT_FILE are honoured,
    except that nothing on loopback goes through a proxy. Raises FetchError.
    """
    tls = await asyncio.to_thread(trust_store)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await _get(url, tls)
    except TimeoutError:
        raise FetchError(f"no complete answer within {TIMEOUT_S:.0f} s") from None
    except FetchError:
        raise
    except Exception as error:  # the client raises its own types, the resolver's, and OpenSSL's
        raise FetchError(f"{type(error).__name__}") from None


async def _get(url: str, tls: "ssl.SSLContext") -> bytes:
    import httpx  # noqa: PLC0415 - loaded by trust_store in a thread: it takes a quarter of a second, and most processes need none

    trust_env = urlsplit(url).hostname not in LOOPBACK_HOSTS
    headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "clarivum"}
    async with (
        httpx.AsyncClient(verify=tls, trust_env=trust_env, timeout=TIMEOUT_S, headers=headers) as client,
        client.stream("GET", url) as answer,
    ):
        if answer.status_code != 200:
            raise FetchError(f"status {answer.status_code}")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise FetchError("compressed, though asked not to be")
        body = bytearray()
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > MAX_DOCUMENT_BYTES:
                raise FetchError(f"more than {MAX_DOCUMENT_BYTES} bytes")
        return bytes(body)


@cache
def trust_store() -> "ssl.SSLContext":
    """The trust store, read from disk once. Loads the client as well, so that both happen in a thread."""
    import httpx  # noqa: PLC0415

    return httpx.create_ssl_context()
