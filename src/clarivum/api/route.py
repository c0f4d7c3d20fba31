"""The verbs: they turn a handler into a Route, a frozen declaration that the platform serves, documents and checks."""

import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clarivum.api.access import Access, Rate
from clarivum.api.signature import Answer, Parameter, Signature, Source, resolve
from clarivum.auth import STAFF_ROLES
from clarivum.errors import Code, DeclarationError

Handler = Callable[..., Coroutine[Any, Any, Any]]

PATH = re.compile(r"(/([A-Za-z0-9._~-]+|\{[a-z][a-z0-9_]*\}))+")
BODILESS = frozenset({"GET", "DELETE"})
SAFE = frozenset({"GET"})


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """A declared endpoint. Built by the verbs; nothing about it changes afterwards."""

    method: str
    path: str
    """As declared, parameters in braces: `/api/v1/leads/{lead_id}`."""
    access: Access
    rate: Rate
    status: int
    handler: Handler
    signature: Signature
    name: str
    """The handler's name; the operationId of the OpenAPI document."""
    summary: str
    description: str
    file: Path
    line: int
    idempotent: bool
    """Whether Idempotency-Key is honoured: the same key and request have one effect and one answer, for 24 hours."""
    key_required: bool
    problems: tuple[Code, ...]
    """Codes the handler itself raises, beside those every route can answer with."""
    timeout_s: float | None
    """Time for an answer; None means the setting `request_timeout_s`."""
    as_worker: str | None = None
    """Why the handler may use `tx.as_worker()`, where no policy tells callers apart; None: it does not."""

    @property
    def where(self) -> str:
        return f"{self.method} {self.path} ({self.file}:{self.line})"

    @property
    def is_for_staff(self) -> bool:
        """Whether only holders of staff roles may call it. It then runs under a database role of its own (ADR-0006)."""
        return bool(self.access.roles) and self.access.roles <= STAFF_ROLES

    @property
    def answer(self) -> Answer:
        return self.signature.answer

    @property
    def body(self) -> Parameter | None:
        return self.signature.only(Source.BODY)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self.signature.parameters


class Verb:
    """What declares routes of one method: `@get(path, access=…)`."""

    def __init__(self, method: str) -> None:
        self._method = method

    def __call__(
        self,
        path: str,
        *,
        access: Access | None = None,
        status_code: int = 200,
        summary: str | None = None,
        rate: str | None = None,
        idempotent: bool = False,
        key_required: bool = False,
        problems: Sequence[Code] = (),
        timeout_s: float | None = None,
        as_worker: str | None = None,
    ) -> Callable[[Handler], Route]:
        """Declare a route.

        `access` is who may call it (`anyone`, `authenticated`, `role`, `signed`); `rate` overrides the access
        declaration's. `idempotent` honours Idempotency-Key, `key_required` refuses requests without one. `problems`
        are the codes that the handler raises itself. `timeout_s` bounds the answer. `as_worker` says why the handler
        uses `tx.as_worker()`; the check `auth/worker-in-route` refuses that without a reason. The handler's docstring
        is summary and description unless `summary` is given. Raises DeclarationError naming the route.
        """

        def build(handler: Handler) -> Route:
            code = getattr(handler, "__code__", None)
            file, line = (Path(code.co_filename), code.co_firstlineno) if code else (Path("?"), 0)
            name = getattr(handler, "__name__", "?")
            try:
                own_summary, description = _documentation(handler, name)
                route = Route(
                    method=self._method,
                    path=path,
                    access=_declared(access),
                    rate=_bounded(access, rate),
                    status=status_code,
                    handler=handler,
                    signature=resolve(handler, _path_names(path)),
                    name=name,
                    summary=summary or own_summary,
                    description=description,
                    file=file,
                    line=line,
                    idempotent=idempotent or key_required,
                    key_required=key_required,
                    problems=tuple(problems),
                    timeout_s=timeout_s,
                    as_worker=as_worker,
                )
                _refuse_contradictions(route)
            except DeclarationError as error:
                where = f"{self._method} {path} ({name}, {file}:{line})"
                raise DeclarationError(f"{where}: {error.detail}") from None
            return route

        return build


get = Verb("GET")
post = Verb("POST")
patch = Verb("PATCH")
put = Verb("PUT")
delete = Verb("DELETE")


def _path_names(path: str) -> frozenset[str]:
    if not PATH.fullmatch(path):
        raise DeclarationError("a path is /segments and whole /{parameters}, without a trailing slash")
    names = re.findall(r"\{([a-z0-9_]+)\}", path)
    if len(names) != len(set(names)):
        raise DeclarationError("the path names one parameter twice")
    return frozenset(names)


def _declared(access: Access | None) -> Access:
    if access is None:
        raise DeclarationError(
            "who may call it is not declared: access=anyone(rate=…), authenticated() or role('editor')"
        )
    return access


def _bounded(access: Access | None, rate: str | None) -> Rate:
    bound = Rate.parse(rate) if rate else access and access.rate
    if not bound:
        raise DeclarationError("the rate is unbounded: access=anyone(rate='10/minute')")
    return bound


def _documentation(handler: Handler, name: str) -> tuple[str, str]:
    """Summary and description: the docstring's first line and the rest of it."""
    lines = (handler.__doc__ or "").strip().splitlines() or [name.replace("_", " ").capitalize()]
    return lines[0].strip().rstrip("."), "\n".join(line.strip() for line in lines[1:]).strip()


def _refuse_contradictions(route: Route) -> None:
    if not 200 <= route.status <= 299:
        raise DeclarationError(f"status_code {route.status} is no success; raise RequestError for a problem")
    if (route.status == 204) != (route.answer.shape == "none"):
        raise DeclarationError("status_code 204 and the return annotation None go together")
    if route.body is not None and route.method in BODILESS:
        raise DeclarationError(f"a {route.method} request has no body; {route.body.name!r} asks for one")
    if route.idempotent and route.method in SAFE:
        raise DeclarationError("a GET has no effect to repeat; drop idempotent")
    if route.idempotent and route.signature.only(Source.TRANSACTION) is None:
        raise DeclarationError("idempotent needs `tx: Transaction`, so that key, effect and answer commit together")
    if route.is_for_staff and route.method not in SAFE and route.signature.only(Source.TRANSACTION) is None:
        raise DeclarationError("what staff changes needs `tx: Transaction`, so that change and audit commit together")
    if route.access.signature is not None and (route.body is None or route.idempotent):
        raise DeclarationError("a webhook takes its signed body as a Contract, and has no Idempotency-Key")
    if not route.access.signed_in and route.signature.only(Source.REVISION):
        raise DeclarationError("If-Match belongs to a caller's own resource; access=anyone has none")
    if (route.signature.only(Source.PAGE) is not None) != (route.answer.shape == "page"):
        raise DeclarationError("a PageRequest parameter and a Page answer go together")
    taken = {"cursor", "limit"} & {parameter.name for parameter in route.signature.of(Source.QUERY)}
    if taken and route.signature.only(Source.PAGE):
        raise DeclarationError(f"parameter {min(taken)!r} is the page's own")
    if route.as_worker is not None and not route.as_worker.strip():
        raise DeclarationError("as_worker is the reason why the caller's own role will not do")
    if route.timeout_s is not None and not 0 < route.timeout_s <= 300:
        raise DeclarationError("timeout_s must be above 0 and at most 300")
