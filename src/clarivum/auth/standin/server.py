"""Running the stand-in: one uvicorn server on loopback."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from clarivum.auth.standin.endpoints import stand_in_app
from clarivum.auth.standin.issuing import StandIn
from clarivum.errors import ConfigurationError
from clarivum.settings import Settings


def serve(settings: Settings, data: Path, port: int | None = None) -> None:
    """Serve in this process until SIGINT or SIGTERM. `port` must be the one in the issuer URL, None takes that one.

    Raises ConfigurationError as `StandIn` does, and when the port is another or is taken.
    """
    stand_in = StandIn(settings, data)
    if port not in (None, stand_in.port):
        raise ConfigurationError(
            f"CLARIVUM_IDENTITY_URL names port {stand_in.port}, not {port}: tokens would name another issuer"
        )

    async def until_signalled() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await run(stand_in, stop=stop)

    asyncio.run(until_signalled())


async def run(stand_in: StandIn, *, stop: asyncio.Event, started: Callable[[], None] = lambda: None) -> None:
    """Serve at the address of the issuer URL until `stop` is set. Signals are left to the caller.

    `started` is called once connections are accepted. Raises ConfigurationError when the port is taken.
    """
    import uvicorn  # noqa: PLC0415 - needed by nothing else in this package

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started()

    listener = _listen(stand_in.host, stand_in.port)
    config = uvicorn.Config(
        stand_in_app(stand_in),
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=64,
        timeout_graceful_shutdown=1,
    )
    server = Server(config)

    async def stop_when_asked() -> None:
        await stop.wait()
        server.should_exit = True

    waiting = asyncio.get_running_loop().create_task(stop_when_asked())
    try:
        await server.serve(sockets=[listener])
    finally:
        waiting.cancel()
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigurationError(
            f"CLARIVUM_IDENTITY_URL: {host}:{port} cannot be listened on ({error.strerror}); name another port"
        ) from None
