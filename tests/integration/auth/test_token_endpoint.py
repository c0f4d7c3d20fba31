"""Requests to an issuer's token endpoint, over real sockets: what is bounded, and what is never followed."""

import pytest

from clarivum.auth.oidc import exchange
from clarivum.auth.oidc.exchange import ExchangeError, post_form
from tests.integration.auth.key_servers import answers, drips, floods, key_server, says

FORM = "grant_type=refresh_token&refresh_token=r1"


async def test_the_answer_is_read_whatever_its_status() -> None:
    for status, code in (("200 OK", 200), ("403 Forbidden", 403)):
        async with key_server(answers(b'{"a":1}', status)) as server:
            answer = await post_form(server.url, {}, FORM)
            assert (answer.status, dict(answer.content)) == (code, {"a": 1})
    async with key_server(answers(b"")) as server:
        assert dict((await post_form(server.url, {}, FORM)).content) == {}


async def test_a_redirect_is_not_followed() -> None:
    async with key_server(answers(b"{}")) as elsewhere:
        headers = f"location: {elsewhere.url}\r\ncontent-type: application/json"
        async with key_server(answers(b"{}", "307 Temporary Redirect", headers)) as server:
            assert (await post_form(server.url, {}, FORM)).status == 307
        assert elsewhere.requests == 0


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", b"{" * 100, b"null", b'"text"']
)
async def test_what_is_no_one_json_object_is_no_answer(body: bytes) -> None:
    async with key_server(answers(body)) as server:
        with pytest.raises(ExchangeError) as failed:
            await post_form(server.url, {}, FORM)
    assert "html" not in str(failed.value)


async def test_a_compressed_answer_is_not_read() -> None:
    async with key_server(answers(b"\x1f\x8b", headers="content-encoding: gzip")) as server:
        with pytest.raises(ExchangeError, match="compressed"):
            await post_form(server.url, {}, FORM)


async def test_an_answer_that_does_not_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = 0

    def count(size: int) -> None:
        nonlocal sent
        sent += size

    async with key_server(floods(count, 50 * 1024 * 1024, chunked=True)) as server:
        with pytest.raises(ExchangeError, match="more than"):
            await post_form(server.url, {}, FORM)
    assert sent < 8 * 1024 * 1024
    monkeypatch.setattr(exchange, "TIMEOUT_S", 0.3)
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"
    for behaviour in (says(head, then_hangs=True), drips(head, b" ", 0.02)):
        async with key_server(behaviour) as server:
            with pytest.raises(ExchangeError, match="no complete answer"):
                await post_form(server.url, {}, FORM)


async def test_nobody_there() -> None:
    with pytest.raises(ExchangeError, match="ConnectError"):
        await post_form("http://127.0.0.1:9/token", {}, FORM)
