"""One route with a rate, which says which process answered. Run as a program it serves that, with workers."""

import os
import sys
from dataclasses import dataclass

from clarivum.api import Contract, Route, anyone, get
from clarivum.api.server import serve
from clarivum.settings import Settings

LIMIT = 200


class Worker(Contract):
    """A process of the API."""

    pid: int


@get("/bounded", access=anyone(rate=f"{LIMIT}/minute"))
async def bounded() -> Worker:
    """Answer so many times a minute."""
    return Worker(pid=os.getpid())


@dataclass(frozen=True)
class BoundedApplication:
    name: str = "bounded"
    routes: tuple[Route, ...] = (bounded,)


if __name__ == "__main__":
    serve(BoundedApplication(), Settings.load(os.environ), workers=int(sys.argv[1]))
