"""The front end of a Next.js team, as far as sessions go: the packages themselves, in a Node.js process."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clarivum.testing.npm import install

PACKAGE = Path(__file__).resolve().parents[2] / "npm" / "authjs"
SECRET = "kX9#vLq2!mZr7@pTw4$yBn8%cJd5^fGh"


class FrontEnd:
    """A Node.js process that seals, opens and chunks with the packages' own code."""

    def __init__(self, packages: Path) -> None:
        self.process = subprocess.Popen(
            ["node", str(PACKAGE / "session.mjs"), str(packages)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{json.dumps(request)}\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def result(self, **request: Any) -> Any:
        answer = self.ask(**request)
        assert "result" in answer, answer
        return answer["result"]

    def cookies(self, format: str, name: str, token: dict[str, Any], **options: Any) -> list[tuple[str, str]]:
        """The session's cookies as the package would set them."""
        value = self.result(format=format, act="seal", name=name, token=token, **{"secret": SECRET, **options})
        chunks = self.result(format=format, act="chunk", name=name, value=value)
        return [(chunk["name"], chunk["value"]) for chunk in chunks]


@contextmanager
def running_front_end() -> Iterator[FrontEnd]:
    """A FrontEnd on the installed packages, ended afterwards."""
    front_end = FrontEnd(install(PACKAGE))
    try:
        yield front_end
    finally:
        assert front_end.process.stdin is not None
        front_end.process.stdin.close()
        assert front_end.process.wait(10) == 0
