"""A plausible, valid request to a route, made of what its OpenAPI operation shows as examples."""

from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

import orjson

from clarivum.api import Route
from clarivum.api.openapi.examples import example_of
from clarivum.api.openapi.schemas import Schemas
from clarivum.api.signature import Source


@dataclass(frozen=True, slots=True)
class ExampleRequest:
    """What is sent: method, path and query percent-encoded, headers in ASGI's form, body."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    honours_key: bool = False

    def keyed(self, key: str) -> "ExampleRequest":
        """The same under an Idempotency-Key, where the route honours one."""
        if not self.honours_key:
            return self
        return replace(self, headers=(*self.headers, (b"idempotency-key", key.encode("ascii"))))


HOST = (b"host", b"access.test")


def bare_request(method: str, path: str) -> ExampleRequest:
    """A request to a path of the platform's own, with nothing in it."""
    return ExampleRequest(method, path, "", (HOST, (b"content-length", b"0")), b"")


def example_request(route: Route) -> ExampleRequest:
    """The request, as yet without an Idempotency-Key."""
    schemas = Schemas([route])
    described = schemas.parameters[route.name]
    required = set(described.get("required", ()))
    in_path = {parameter.name for parameter in route.signature.of(Source.PATH)}
    path, query = route.path, {}
    for name, schema in described.get("properties", {}).items():
        value = example_of(schema, schemas, name)
        if name in in_path:
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        elif name in required:
            query[name] = str(value)
    headers, body = [HOST, (b"accept", b"application/json")], b""
    if route.body is not None:
        body = orjson.dumps(example_of(schemas.body(route.body.annotation), schemas))
        headers.append((b"content-type", b"application/json"))
    headers.append((b"content-length", str(len(body)).encode("ascii")))
    if route.signature.only(Source.REVISION):
        headers.append((b"if-match", b'"1"'))
    return ExampleRequest(route.method, path, urlencode(query), tuple(headers), body, route.idempotent)
