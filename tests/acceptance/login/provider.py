"""The real OpenID provider (npm oidc-provider) as a process: what it is started with, and the events it prints."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clarivum.testing.npm import install
from clarivum.testing.waiting import until

SCRIPT = Path(__file__).resolve().parents[2] / "npm" / "oidc-provider" / "provider.mjs"
AUDIENCE = "https://api.clarivum.com"
CLIENT_ID = "clarivum-tests"
CLIENT_SECRET = "8f1e6a52c3b94d7fa0e1c2d3b4a59687"
ROLES = {"auth0|ada": ["member", "admin"], "auth0|erin": ["editor"]}


@dataclass
class Provider:
    """A running provider. `events` grows by one for each grant and each refusal."""

    port: int
    process: "subprocess.Popen[str]"
    events: list[dict[str, Any]] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def count(self, **event: str) -> int:
        """How many events are just this."""
        return self.events.count(event)

    def set_access_token_ttl_s(self, seconds: int) -> None:
        """From the next token on."""
        assert self.process.stdin is not None
        before = self.count(ttl=str(seconds))
        self.process.stdin.write(json.dumps({"accessTokenTtlS": seconds}) + "\n")
        self.process.stdin.flush()
        until(lambda: self.count(ttl=str(seconds)) > before)

    def read(self) -> None:
        """Take in what it prints, until it ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed.append(line)
            if line.startswith("{"):
                self.events.append(json.loads(line))


@contextmanager
def running_provider(port: int, base_url: str) -> Iterator[Provider]:
    """A provider on loopback that knows one client, the API at `base_url`."""
    configuration = {
        "packages": str(install(SCRIPT.parent)),
        "port": port,
        "audience": AUDIENCE,
        "clientId": CLIENT_ID,
        "clientSecret": CLIENT_SECRET,
        "baseUrl": base_url,
        "accessTokenTtlS": 600,
        "roles": ROLES,
    }
    process = subprocess.Popen(
        ["node", str(SCRIPT), json.dumps(configuration)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    provider = Provider(port, process)
    threading.Thread(target=provider.read, daemon=True).start()
    try:
        until(lambda: "ready\n" in provider.printed or process.poll() is not None, within_s=30)
        assert process.poll() is None, "".join(provider.printed)
        yield provider
    finally:
        process.terminate()
        process.wait(10)
