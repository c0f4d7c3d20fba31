"""Fetching a key set from real servers that misbehave in every way a network knows."""

import asyncio
import gzip
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from clarivum.auth import fetch
from clarivum.auth.fetch import MAX_DOCUMENT_BYTES, FetchError, fetch_document
from tests.integration.auth.key_servers import Behaviour, answers, drips, floods, key_server, says

DOCUMENT = b'{"keys":[]}'
SHORT_TIMEOUT_S = 0.3


@pytest.fixture
def short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT_S", SHORT_TIMEOUT_S)


@pytest.fixture
def fresh_trust_store() -> Iterator[None]:
    fetch.trust_store.cache_clear()
    yield
    fetch.trust_store.cache_clear()


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
FETCHED: dict[str, Behaviour] = {
    "with a length": answers(DOCUMENT),
    "as jwk-set+json": answers(DOCUMENT, headers="content-type: application/jwk-set+json; charset=utf-8"),
    "in chunks": says(CHUNKED, b"5\r\n" + DOCUMENT[:5] + b"\r\n6\r\n" + DOCUMENT[5:] + b"\r\n0\r\n\r\n"),
    "until the connection ends": says(HEAD + b"connection: close\r\n\r\n", DOCUMENT),
    "by HTTP/1.0": says(b"HTTP/1.0 200 OK\r\n\r\n", DOCUMENT),
}
REFUSED: dict[str, tuple[Behaviour, str]] = {
    "404": (answers(b"", "404 Not Found"), "status 404"),
    "500": (answers(b"{}", "500 Internal Server Error"), "status 500"),
    "204": (says(b"HTTP/1.1 204 No Content\r\n\r\n"), "status 204"),
    "304": (says(b"HTTP/1.1 304 Not Modified\r\n\r\n"), "status 304"),
    "compressed": (answers(gzip.compress(b" " * 50_000_000), headers="content-encoding: gzip"), "compressed"),
    "one byte too many": (answers(b" " * (MAX_DOCUMENT_BYTES + 1)), f"more than {MAX_DOCUMENT_BYTES} bytes"),
    "cut off": (says(HEAD + b"content-length: 100\r\n\r\n", DOCUMENT), "RemoteProtocolError"),
    "cut off in a chunk": (says(CHUNKED, b"ff\r\n{"), "RemoteProtocolError"),
    "no HTTP": (says(b"\x15\x03\x03\x00\x02\x02\x28"), "RemoteProtocolError"),
    "nothing": (says(), "RemoteProtocolError"),
    "a head without end": (says(HEAD, b"x-filler: y\r\n" * 100_000), "RemoteProtocolError"),
}
HANGING: dict[str, Behaviour] = {
    "says nothing": says(then_hangs=True),
    "stops in the head": says(b"HTTP/1.1 200 OK\r\ncontent-", then_hangs=True),
    "stops in the body": says(HEAD + b"content-length: 100\r\n\r\n{", then_hangs=True),
    "drips the head": drips(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", SHORT_TIMEOUT_S / 10),
    "drips the body": drips(HEAD + b"content-length: 100000\r\n\r\n", b" ", SHORT_TIMEOUT_S / 10),
    "drips chunks": drips(CHUNKED, b"1\r\n \r\n", SHORT_TIMEOUT_S / 10),
}


@pytest.mark.parametrize("name", FETCHED)
async def test_fetched(name: str) -> None:
    async with key_server(FETCHED[name]) as server:
        assert await fetch_document(server.url) == DOCUMENT


@pytest.mark.parametrize("name", REFUSED)
async def test_refused(name: str) -> None:
    behaviour, why = REFUSED[name]
    async with key_server(behaviour) as server:
        with pytest.raises(FetchError, match=why):
            await fetch_document(server.url)


@pytest.mark.parametrize("name", HANGING)
@pytest.mark.usefixtures("short_timeout")
async def test_given_up_in_time(name: str) -> None:
    """The limit is for the whole answer: a byte now and then does not extend it."""
    async with key_server(HANGING[name]) as server:
        await fetch_document_warm()
        start = time.monotonic()
        with pytest.raises(FetchError, match="no complete answer"):
            await fetch_document(server.url)
        assert time.monotonic() - start < SHORT_TIMEOUT_S + 0.5


async def fetch_document_warm() -> None:
    """Load the client outside of the time that is measured."""
    await asyncio.to_thread(fetch.trust_store)


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
async def test_50_mb_are_not_read(chunked: bool) -> None:
    taken: list[int] = []
    async with key_server(floods(taken.append, 50_000_000, chunked)) as server:
        with pytest.raises(FetchError, match="more than"):
            await fetch_document(server.url)
    assert sum(taken) < 10_000_000


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(FetchError, match="ConnectError"):
        await fetch_document(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_redirects_are_not_followed(status: str) -> None:
    async with key_server(answers(DOCUMENT)) as target:
        async with key_server(answers(b"", status, f"location: {target.url}")) as server:
            with pytest.raises(FetchError, match=f"status {status[:3]}"):
                await fetch_document(server.url)
        assert target.requests == 0


async def test_loopback_goes_through_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with key_server(answers(b"")) as proxy, key_server(answers(DOCUMENT)) as server:
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, proxy.url)
        assert await fetch_document(server.url) == DOCUMENT
        assert proxy.requests == 0


def certificate(folder: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer of the test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "issuer.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + signed.public_bytes(Encoding.PEM))
    return path


@pytest.mark.usefixtures("fresh_trust_store")
async def test_a_certificate_must_be_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown to the trust store: refused before a request is sent. Named by SSL_CERT_FILE: accepted."""
    path = certificate(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(path)
    async with key_server(answers(DOCUMENT), tls) as server:
        with pytest.raises(FetchError, match="ConnectError"):
            await fetch_document(server.url)
        assert server.requests == 0
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        fetch.trust_store.cache_clear()
        assert await fetch_document(server.url) == DOCUMENT
