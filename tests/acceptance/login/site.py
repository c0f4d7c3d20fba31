"""The whole login as people meet it: a browser, TLS, two API processes on a real Postgres, a real OpenID provider."""

import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from clarivum.testing.ports import free_ports
from clarivum.testing.postgres import DatabaseUrls
from clarivum.testing.waiting import until
from tests.acceptance.login.provider import AUDIENCE, CLIENT_ID, CLIENT_SECRET, Provider, running_provider
from tests.acceptance.login.tls_front import foreign_page, tls_front

ROOT = Path(__file__).resolve().parents[3]
AUTH_SECRET = "Zq8rT2vN5kWxL0mBcD7fHjP3sYuGaE1o"
WORKERS = 2


@dataclass(frozen=True)
class Site:
    """`url` is what browsers see. `other_origin` is of the same site, localhost, with somebody else's page."""

    url: str
    other_origin: str
    provider: Provider
    urls: DatabaseUrls
    log: Path

    def answered(self, method: str, route: str, status: int) -> int:
        """How many requests the access log says were answered so."""
        return self.log.read_text().count(f'"method":"{method}","route":"{route}","status":{status}')


@contextmanager
def running_site(urls: DatabaseUrls, folder: Path) -> Iterator[Site]:
    """Everything but the browser."""
    provider_port, api_port, front_port, other_port = free_ports(4)
    url = f"https://localhost:{front_port}"
    with (
        running_provider(provider_port, url) as provider,
        _running_api(urls, provider, url, api_port, folder) as log,
        tls_front(front_port, api_port, folder),
        foreign_page(other_port, folder),
    ):
        yield Site(url, f"https://localhost:{other_port}", provider, urls, log)


@contextmanager
def _running_api(urls: DatabaseUrls, provider: Provider, url: str, port: int, folder: Path) -> Iterator[Path]:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CLARIVUM_", "AUTH", "NEXTAUTH", "OTEL_", "DATABASE_URL", "SUPABASE_"))
    }
    environment = {
        **clean,
        "DATABASE_URL": urls.app,
        "CLARIVUM_PORT": str(port),
        "CLARIVUM_BASE_URL": url,
        "CLARIVUM_IDENTITY_URL": provider.issuer,
        "CLARIVUM_RATE_LIMITS": "false",
        "AUTH0_AUDIENCE": AUDIENCE,
        "AUTH_AUTH0_ID": CLIENT_ID,
        "AUTH_AUTH0_SECRET": CLIENT_SECRET,
        "AUTH_SECRET": AUTH_SECRET,
    }
    log = folder / "api.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(ROOT / "clarivum"), "serve", "--workers", str(WORKERS)],
            cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        until(lambda: _answers(port) or process.poll() is not None, within_s=30)
        assert process.poll() is None, log.read_text()
        yield log
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    with suppress(URLError, OSError):
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).status == 200)
    return False
