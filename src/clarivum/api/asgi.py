"""The ASGI application: a router in front of compiled endpoints."""

from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import quote

from clarivum.api.cors import Cors
from clarivum.api.exchange import failed, finish, observe
from clarivum.api.request import headers_of
from clarivum.api.response import Receive, Scope, Send
from clarivum.api.router import Methods, Router
from clarivum.errors import METHOD_NOT_ALLOWED, NOT_FOUND, ClarivumError, RequestError

Serves = Callable[[Scope, Receive, Send, dict[str, bytes]], Awaitable[None]]


class Api:
    """Routes requests; opens and closes what they need with the server's lifespan."""

    def __init__(
        self,
        targets: Iterable[tuple[str, str, Serves]],
        *,
        open: Callable[[], Awaitable[None]],
        close: Callable[[], Awaitable[None]],
        cors: Cors | None = None,
    ) -> None:
        served = tuple(targets)
        self.paths = tuple((method, path) for method, path, _ in served)
        """Everything that is answered, by method and path; parameters in braces."""
        self._router: Router[Serves] = Router(served)
        self._open = open
        self._close = close
        self._cors = cors
        self.failure: ClarivumError | None = None
        """Why the start-up failed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raw_path = scope.get("raw_path") or quote(scope["path"]).encode("ascii")
            found = self._router.fixed.get(raw_path)
            values: dict[str, bytes] = {}
            if found is None:
                found, values = self._with_parameters(raw_path)
            if self._cors is not None:
                admitted = await self._cors.admit("" if found is None else found.allow, scope, send)
                if admitted is None:
                    return
                scope, send = admitted
            serve = None if found is None else found.by_method.get(scope["method"])
            if serve is not None:
                await serve(scope, receive, send, values)
            else:
                await self._refuse(scope, send, found)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    def _with_parameters(self, raw_path: bytes) -> tuple[Methods[Serves] | None, dict[str, bytes]]:
        found, values = self._router.find(raw_path)
        return found, {} if found is None else dict(zip(found.names, values, strict=True))

    async def _refuse(self, scope: Scope, send: Send, found: Methods[Serves] | None) -> None:
        observation = observe(scope, headers_of(scope), None)
        extra = b""
        if found is None:
            error = RequestError("No route has this path.", code=NOT_FOUND)
        else:
            error = RequestError(f"This path answers {found.allow}.", code=METHOD_NOT_ALLOWED)
            extra = f"allow: {found.allow}\r\n".encode("ascii")
        response, error_type = failed(error, scope, observation)
        await finish(scope, send, observation, response, error_type=error_type, extra_head=extra)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._open()
        except ClarivumError as error:
            self.failure = error
            await send({"type": "lifespan.startup.failed"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._close()
        await send({"type": "lifespan.shutdown.complete"})
