"""The identity stand-in as a process of its own, and the tokens of the members who send the load."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.processes import running, wait_until_answering
from clarivum.auth.standin import StandIn
from clarivum.settings import Settings
from clarivum.testing.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
TOKEN_LIFETIME_S = 6 * 3_600


@dataclass(frozen=True, slots=True)
class Identity:
    """A running issuer. `environ` points a process of ours at it."""

    issuer: str
    audience: str
    roles_claim: str
    environ: Mapping[str, str]
    stand_in: StandIn

    @property
    def jwks_url(self) -> str:
        return f"{self.issuer}.well-known/jwks.json"

    def member_token(self, subject: str) -> str:
        return self.stand_in.issue(subject, ["member"], None, TOKEN_LIFETIME_S)


@contextmanager
def identity(folder: Path) -> Iterator[Identity]:
    """The stand-in on a free loopback port, its key in `folder`, until the block ends. Raises NotReadyError."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    environ = {**own_environ(), "CLARIVUM_IDENTITY_URL": url}
    settings = Settings.load(environ)
    command: list[str | Path] = [sys.executable, "-m", "clarivum", "identity", "--data", folder]
    with running(command, folder / "identity.log", environ=environ, directory=ROOT) as process:
        wait_until_answering(process, port, "/.well-known/jwks.json")
        stand_in = StandIn(settings, folder)
        yield Identity(settings.issuer, settings.auth0_audience, settings.roles_claim, environ, stand_in)


def own_environ() -> dict[str, str]:
    """This process's environment without what would point ours elsewhere: a run measures the defaults."""
    prefixes = ("CLARIVUM_", "AUTH0_", "OTEL_")
    names = {"DATABASE_URL", "SUPABASE_DB_URL", "PORT"}
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes) and name not in names}
