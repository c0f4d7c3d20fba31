"""Raw ASGI on our driver: our database session and token verifier under one ASGI function, served by uvicorn.

What the application adds to this (contract, guard, problem documents, span, metrics, access log) is what it costs.
"""

import os
from dataclasses import replace
from typing import Any

import orjson
import uvicorn

from benchmarks.request.work import FIRST_PAGE, READ_PATH
from bff.entitlements.queries import queries
from clarivum.auth import TokenVerifier
from clarivum.database import Database
from clarivum.errors import RequestError
from clarivum.settings import Settings

QUERY = replace(queries.entitlements_page, row=None)


class Peer:
    """One application: `lifespan` opens the database, `http` answers."""

    def __init__(self, settings: Settings) -> None:
        assert settings.database_url is not None
        self.verifier = TokenVerifier(settings)
        self.database = Database(
            settings.database_url.get_secret_value(),
            pipelines=settings.database_pipelines,
            connections=settings.database_connections,
            application_name="raw-asgi",
        )
        self.hits = 0
        self.misses = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.lifespan(receive, send)
            return
        status, body = await self.http(scope)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def http(self, scope: dict[str, Any]) -> tuple[int, bytes]:
        if scope["path"] != READ_PATH:
            return 200, orjson.dumps({"hits": self.hits, "misses": self.misses})
        authorization = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        token = authorization[7:].decode("ascii")
        principal = self.verifier.cached(token)
        if principal is None:
            self.misses += 1
            try:
                principal = await self.verifier.verify(token)
            except RequestError as refused:
                return refused.code.status, b"{}"
        else:
            self.hits += 1
        rows = await self.database.session(principal.context).many(QUERY, **FIRST_PAGE)
        return 200, orjson.dumps({"items": rows, "next": None})

    async def lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        await self.database.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.database.close()
        await send({"type": "lifespan.shutdown.complete"})


if __name__ == "__main__":
    uvicorn.run(
        Peer(Settings.load(os.environ)), host="127.0.0.1", port=int(os.environ["PEER_PORT"]), loop="uvloop",
        http="httptools", access_log=False, log_level="warning",
    )  # fmt: skip
