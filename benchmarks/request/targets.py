"""Whom the read is measured on: how each is started, and what it is granted."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness.identity import Identity, own_environ
from benchmarks.harness.peers import PEERS, NodePeers, PythonPeers, Unavailable
from benchmarks.harness.processes import fetch
from benchmarks.harness.results import Missing
from benchmarks.harness.scratch import Scratch
from benchmarks.request.work import context_statement, read_statement

ROOT = PEERS.parents[1]
POOL_CONNECTIONS = 10
SHARED_CONNECTIONS = 2
"""Our default for connections that short reads share."""
ACCEPTED = re.compile(r'^clarivum_auth_tokens_total\{[^}]*"accepted"[^}]*\} (\S+)$', re.MULTILINE)
SERVED = re.compile(
    r'^http_server_request_duration_seconds_count\{(?=[^}]*http_route="/api/v1/entitlements")'
    r'(?=[^}]*http_response_status_code="200")[^}]*\} (\S+)$',
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """A server to start. Peers count the hits and misses of their token cache at /cache, ours in its metrics."""

    name: str
    title: str
    note: str
    port: int
    command: Sequence[str | Path]
    environ: Mapping[str, str] = field(repr=False)

    def token_cache_hits(self) -> float | None:
        """The share of requests so far whose token had been verified before; None when it cannot be told."""
        status, body = fetch(self.port, "/metrics" if self.name == "ours" else "/cache")
        if status != 200:
            return None
        if self.name == "ours":
            return hits_in_metrics(body.decode())
        counts = json.loads(body)
        total = counts["hits"] + counts["misses"]
        return counts["hits"] / total if total else None


def hits_in_metrics(page: str) -> float | None:
    """1 - signature checks / requests with a token, from our Prometheus page."""
    checked = sum(float(value) for value in ACCEPTED.findall(page))
    served = sum(float(value) for value in SERVED.findall(page))
    return 1 - checked / served if served else None


def http_targets(
    scratch: Scratch,
    identity: Identity,
    ports: Sequence[int],
    node: NodePeers | Unavailable,
    python: PythonPeers | Unavailable,
) -> tuple[list[HttpTarget], list[Missing]]:
    """Ours first, then the peers that can run here, and those that cannot with the reason."""
    free = iter(ports)
    ours, raw = ours_target(scratch, identity, next(free)), raw_asgi_target(scratch, identity, next(free))
    targets, missing = [ours, raw], []
    peers = (_bun, _bun_shared, _fastify_postgresjs, _fastify_pg) if isinstance(node, NodePeers) else ()
    for make in peers:
        assert isinstance(node, NodePeers)
        port = next(free)
        targets.append(make(node, port, _peer_environ(scratch, identity, port)))
    if isinstance(python, PythonPeers):
        port = next(free)
        targets.append(_fastapi(python, port, _peer_environ(scratch, identity, port)))
    if isinstance(node, Unavailable):
        missing += [Missing(title=title, reason=node.reason) for title in NODE_TITLES.values()]
    if isinstance(python, Unavailable):
        missing.append(Missing(title=FASTAPI_TITLE, reason=python.reason))
    return targets, missing


NODE_TITLES = {
    "bun": "Bun.serve + Bun.sql",
    "bun-shared": "Bun.serve + Bun.sql, shared connections",
    "fastify-postgresjs": "Fastify + postgres.js",
    "fastify-pg": "Fastify + pg",
}
FASTAPI_TITLE = "FastAPI + SQLAlchemy (asyncpg)"


def ours_target(scratch: Scratch, identity: Identity, port: int) -> HttpTarget:
    """The real application in one process of `clarivum serve`, everything on."""
    environ = {
        **identity.environ,
        "DATABASE_URL": scratch.app_url,
        "CLARIVUM_PORT": str(port),
        "CLARIVUM_TRUSTED_PROXIES": "127.0.0.1/32",
        "CLARIVUM_DATABASE_CONNECTIONS": str(POOL_CONNECTIONS),
    }
    command = [sys.executable, "-m", "clarivum", "serve"]
    note = "the application as `./clarivum serve` runs it: contract, guard, span, metrics and access log on"
    return HttpTarget("ours", "Clarivum", note, port, command, environ)


def raw_asgi_target(scratch: Scratch, identity: Identity, port: int) -> HttpTarget:
    environ = {**identity.environ, "DATABASE_URL": scratch.app_url, "PEER_PORT": str(port)}
    environ["CLARIVUM_DATABASE_CONNECTIONS"] = str(POOL_CONNECTIONS)
    command = [sys.executable, "-m", "benchmarks.peers.raw_asgi"]
    note = "our session and token verifier under a bare ASGI function on uvicorn: no contract, guard, span, metric"
    return HttpTarget("raw-asgi", "raw ASGI on our driver", note, port, command, environ)


def _bun_shared(node: NodePeers, port: int, environ: Mapping[str, str]) -> HttpTarget:
    peer = {**json.loads(environ["PEER"]), "shared": SHARED_CONNECTIONS}
    note = (
        f"{SHARED_CONNECTIONS} connections reserved once, which requests share as ours do; otherwise the same program"
    )
    command: list[str | Path] = [node.bun, "run", node.folder / "bun.ts"]
    return HttpTarget(
        "bun-shared", NODE_TITLES["bun-shared"], note, port, command, {**environ, "PEER": json.dumps(peer)}
    )


def _bun(node: NodePeers, port: int, environ: Mapping[str, str]) -> HttpTarget:
    note = "a reserved connection a request, its four statements in one write (tagged templates, prepared)"
    return HttpTarget("bun", NODE_TITLES["bun"], note, port, [node.bun, "run", node.folder / "bun.ts"], environ)


def _fastify_postgresjs(node: NodePeers, port: int, environ: Mapping[str, str]) -> HttpTarget:
    note = "as for Bun; response schema compiled"
    command = [node.node, node.folder / "fastify-postgresjs.mjs"]
    return HttpTarget("fastify-postgresjs", NODE_TITLES["fastify-postgresjs"], note, port, command, environ)


def _fastify_pg(node: NodePeers, port: int, environ: Mapping[str, str]) -> HttpTarget:
    note = "pg's pipeline mode, statements prepared by name; response schema compiled"
    command = [node.node, node.folder / "fastify-pg.mjs"]
    return HttpTarget("fastify-pg", NODE_TITLES["fastify-pg"], note, port, command, environ)


def _fastapi(python: PythonPeers, port: int, environ: Mapping[str, str]) -> HttpTarget:
    note = "uvicorn with uvloop and httptools; asyncpg cannot pipeline, so four round trips; response model validated"
    command = [python.python, PEERS / "fastapi_sqlalchemy.py"]
    return HttpTarget("fastapi", FASTAPI_TITLE, note, port, command, environ)


def _peer_environ(scratch: Scratch, identity: Identity, port: int) -> dict[str, str]:
    settings = {
        "port": port,
        "database": scratch.address,
        "pool": POOL_CONNECTIONS,
        "jwks_url": identity.jwks_url,
        "issuer": identity.issuer,
        "audience": identity.audience,
        "roles_claim": identity.roles_claim,
        "context": context_statement().as_json(),
        "read": read_statement().as_json(),
    }
    return {**own_environ(), "NODE_ENV": "production", "PEER": json.dumps(settings)}
