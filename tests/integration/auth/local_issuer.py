"""An issuer on loopback whose documents, and clock, a test decides."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from typing import Any

from tests.unit.auth.forge import Forge, to_json


@dataclass
class LocalIssuer:
    """`url` ends with a slash. What `documents` lacks is 404; `ahead_s` is by how much its Date header is off."""

    url: str = ""
    documents: dict[str, bytes] = field(default_factory=dict)
    ahead_s: float = 0.0

    def publish(self, keys: bytes, **metadata: Any) -> None:
        """Serve a key set, and metadata that fits but for the changes; a change to `...` removes the member."""
        good = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}.well-known/jwks.json",
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        document = {name: value for name, value in {**good, **metadata}.items() if value is not ...}
        self.documents["/.well-known/jwks.json"] = keys
        self.documents["/.well-known/openid-configuration"] = to_json(document)


@contextmanager
def local_issuer(forge: Forge, **metadata: Any) -> Iterator[LocalIssuer]:
    """A running one that publishes the forge's key."""
    issuer = LocalIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = issuer.documents.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(time() + issuer.ahead_s, usegmt=True)

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_port}/"
    issuer.publish(forge.key_set(), **metadata)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def environment(issuer: LocalIssuer, **more: str) -> Mapping[str, str]:
    """The settings of an API that trusts it."""
    return {"CLARIVUM_IDENTITY_URL": issuer.url, "OTEL_SDK_DISABLED": "true", **more}
