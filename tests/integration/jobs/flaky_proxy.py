"""A TCP proxy before Postgres that cuts connections in the middle of what they do, at either side of an answer."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

from tests.integration.jobs.cut_proxy import HOST, CutProxy

REQUEST_LOST = "the request never came"
ANSWER_LOST = "the answer never came"


class FlakyProxy(CutProxy):
    """Each thing a client sends is, with the chance `share`, the last of its connection: half the time it does not come
    to the server, half the time the server carries it out and the client is not told. `share` may be set at any time.
    """

    def __init__(self, port: int, seed: int) -> None:
        super().__init__(port)
        self.share = 0.0
        self.cuts: Counter[str] = Counter()
        self._chance = random.Random(seed)

    def before(self, url: str) -> str:
        """A server's URL by TCP, led through this proxy."""
        parts = urlsplit(url)
        login = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{login}@{HOST}:{self.port}"))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            there_reader, there_writer = await asyncio.open_connection(HOST, self._target)
            pair = {writer, there_writer}
            self._writers |= pair
            downwards = asyncio.create_task(self._pass(there_reader, writer))
            await self._upwards(reader, there_writer, downwards)
            for each in pair:
                each.transport.abort()
            await downwards
            self._writers -= pair

    async def _upwards(
        self, reader: asyncio.StreamReader, there: asyncio.StreamWriter, downwards: "asyncio.Task[None]"
    ) -> None:
        while data := await reader.read(65_536):
            if self._chance.random() >= self.share:
                there.write(data)
                await there.drain()
            elif self._chance.random() < 0.5:
                self.cuts[REQUEST_LOST] += 1
                return
            else:
                self.cuts[ANSWER_LOST] += 1
                downwards.cancel()
                there.write(data)
                there.close()  # after what was written
                await there.wait_closed()
                return
