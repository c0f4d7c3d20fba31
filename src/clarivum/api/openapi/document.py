"""The OpenAPI 3.1 document of an application, and the Litestar application that writes and serves it.

Litestar puts the document together and renders it; each operation comes from a route's declaration. Its handlers are
never called: requests to the routes go to the compiled endpoints (docs/adr/0004-compiled-routes.md).
"""

import re
from collections.abc import Sequence
from typing import Any, Protocol, cast

import orjson
from litestar import Litestar, Request
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import Components, Operation, Reference, SecurityScheme

import clarivum
from clarivum.api.openapi.operations import Verbatim, operation, problem_examples, signature_scheme
from clarivum.api.openapi.reference_page import reference_page
from clarivum.api.openapi.schemas import Schemas
from clarivum.api.route import Route

DOCUMENT_PATH = "/openapi.json"
PAGE_PATH = "/docs"
BEARER = SecurityScheme(
    type="http",
    scheme="bearer",
    bearer_format="JWT",
    description="An access token for this API's audience. The names are roles; one of them is needed.",
)
MACHINE = SecurityScheme(
    type="http",
    scheme="bearer",
    bearer_format="JWT",
    description="A machine's access token (client credentials). The names are roles; one of them is needed.",
)
SCOPE = SecurityScheme(
    type="http",
    scheme="bearer",
    bearer_format="JWT",
    description="What the access token must hold in `scope` or `permissions`: all of the names.",
)
SESSION = SecurityScheme(
    type="apiKey",
    security_scheme_in="cookie",
    name="__Secure-authjs.session-token",
    description=(
        "A session of Auth.js v5, or of NextAuth v4 as `__Secure-next-auth.session-token`, whole or in chunks; its "
        "access token counts like a bearer token. Whatever changes something also needs an allowed Origin and, in "
        "`x-csrf-token`, the token that GET /auth/csrf answers with."
    ),
)


class Documented(Protocol):
    """What the document needs of an application."""

    @property
    def name(self) -> str: ...

    @property
    def routes(self) -> Sequence[Route]: ...


def openapi_document(application: Documented) -> dict[str, Any]:
    """The document, the same for the same declarations: routes in their order, no time, no host."""
    return documentation_app(application).openapi_schema.to_schema()


def documentation_app(application: Documented) -> Litestar:
    """A Litestar application that serves the document at DOCUMENT_PATH and a page to read it at PAGE_PATH."""
    schemas = Schemas(application.routes)
    app = Litestar(
        route_handlers=[_handler(route, schemas) for route in application.routes],
        openapi_config=OpenAPIConfig(
            title=application.name.capitalize(),
            version=clarivum.__version__,
            description="Errors are problem documents (RFC 9457) whose `code` is stable. Times are UTC, with `Z`.",
            path="/",
            components=Components(security_schemes=_security_schemes(application.routes)),
            render_plugins=[_Document(path=DOCUMENT_PATH), _Page(path=PAGE_PATH)],
        ),
        logging_config=None,
    )
    # Litestar makes components of the types in its handlers' signatures. Ours have none: the contracts are put in here.
    components = {name: Verbatim(schema) for name, schema in sorted(schemas.components.items())}
    app.openapi_schema.components.schemas = cast(Any, components)
    app.openapi_schema.components.examples = cast(Any, problem_examples(application.routes))
    return app


def _security_schemes(routes: Sequence[Route]) -> dict[str, SecurityScheme | Reference]:
    schemes: dict[str, SecurityScheme | Reference] = {"bearer": BEARER, "session": SESSION}
    if any(route.access.machine_scope is not None for route in routes):
        schemes |= {"machine": MACHINE, "scope": SCOPE}
    for signature in (route.access.signature for route in routes):
        if signature is not None:
            schemes[signature_scheme(signature)] = SecurityScheme(
                type="apiKey",
                security_scheme_in="header",
                name=signature.header,
                description=f"A signature over the body, at most {signature.tolerance_s} s old or ahead.",
            )
    return schemes


class _Document(JsonRenderPlugin):
    """The document as JSON, rendered once."""

    _rendered: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        if self._rendered is None:
            self._rendered = document_bytes(openapi_schema)
        return self._rendered


class _Page(OpenAPIRenderPlugin):
    """The document as a page of its own: Litestar's own pages load their scripts from a CDN."""

    _rendered: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        if self._rendered is None:
            self._rendered = reference_page(openapi_schema)
        return self._rendered


def document_bytes(document: dict[str, Any]) -> bytes:
    """As it is served and committed: indented, with a newline at the end."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _handler(route: Route, schemas: Schemas) -> HTTPRouteHandler:
    return HTTPRouteHandler(
        _litestar_path(route.path),
        http_method=HttpMethod(route.method),
        status_code=route.status,
        operation_id=route.name,
        operation_class=cast(type[Operation], lambda **_: operation(route, schemas)),
        sync_to_thread=False,
    )(_served_by_its_endpoint)


def _served_by_its_endpoint() -> None:
    raise AssertionError("compiled routes are served before Litestar is asked")


def _litestar_path(path: str) -> str:
    return re.sub(r"\{([a-z0-9_]+)\}", r"{\1:str}", path)
