"""One route as an OpenAPI operation: what it takes, what it answers, and every problem it can answer with."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from litestar.openapi.spec import Operation
from litestar.openapi.spec.base import BaseSchemaObject

from clarivum.api.idempotency import RETENTION_HOURS
from clarivum.api.openapi.examples import example_of
from clarivum.api.openapi.schemas import PROBLEM, Schemas
from clarivum.api.problem import example as problem_example
from clarivum.api.problem import phrase
from clarivum.api.route import SAFE, Route
from clarivum.api.signature import Source
from clarivum.api.webhook import WebhookSignature
from clarivum.errors import (
    BODY_TOO_LARGE,
    CONFLICT,
    CONFLICTING_CREDENTIALS,
    CSRF_FAILED,
    FORBIDDEN,
    HEADERS_TOO_LARGE,
    IDEMPOTENCY_KEY_REUSED,
    INSUFFICIENT_SCOPE,
    INTERNAL,
    INVALID_CURSOR,
    INVALID_IDEMPOTENCY_KEY,
    INVALID_PARAMETER,
    INVALID_SESSION,
    INVALID_SIGNATURE,
    INVALID_TOKEN,
    MALFORMED_JSON,
    MALFORMED_REQUEST,
    MFA_REQUIRED,
    NOT_FOUND,
    RATE_LIMITED,
    REQUEST_IN_FLIGHT,
    REQUEST_TIMEOUT,
    REVISION_REQUIRED,
    REVISION_STALE,
    UNAUTHENTICATED,
    UNAVAILABLE,
    UNSUPPORTED_MEDIA_TYPE,
    VALIDATION_FAILED,
    Code,
)

ALWAYS = (
    MALFORMED_REQUEST,
    CONFLICTING_CREDENTIALS,
    INVALID_TOKEN,
    INVALID_SESSION,
    REQUEST_TIMEOUT,
    INVALID_PARAMETER,
    RATE_LIMITED,
    HEADERS_TOO_LARGE,
    INTERNAL,
    UNAVAILABLE,
)
CREDENTIALS = frozenset({CONFLICTING_CREDENTIALS, INVALID_TOKEN, INVALID_SESSION})
"""What a webhook never answers: it does not look at tokens and cookies."""
BODY = (MALFORMED_JSON, BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, VALIDATION_FAILED)
KEYED = (INVALID_IDEMPOTENCY_KEY, REQUEST_IN_FLIGHT, IDEMPOTENCY_KEY_REUSED)


@dataclass
class Verbatim(BaseSchemaObject):
    """Part of the document as it is: Litestar's own objects drop null, which a default or an example may be."""

    value: dict[str, Any]

    def to_schema(self) -> dict[str, Any]:
        return self.value


def operation(route: Route, schemas: Schemas) -> Operation:
    """The operation of a route. Its id is the handler's name."""
    limits = f"At most {route.rate} per {'subject' if route.access.signed_in else 'address'}."
    caller = f"Who may call it: {route.access}."
    return Operation(
        operation_id=route.name,
        tags=[_tag(route)],
        summary=route.summary,
        description="\n\n".join(part for part in (route.description, caller, limits) if part),
        parameters=[Verbatim(parameter) for parameter in _parameters(route, schemas)] or None,  # type: ignore[misc]
        request_body=Verbatim(_request_body(route, schemas)) if route.body else None,  # type: ignore[arg-type]
        responses={status: Verbatim(answer) for status, answer in _responses(route, schemas).items()},  # type: ignore[misc]
        security=_security(route),
    )


def problems_of(route: Route) -> list[Code]:
    """Every code that a request to this route can be answered with."""
    signature = route.signature
    codes: dict[Code, None] = dict.fromkeys(ALWAYS)
    if route.access.signature is not None:
        codes = {code: None for code in ALWAYS if code not in CREDENTIALS} | {INVALID_SIGNATURE: None}
    if route.access.signed_in:
        codes[UNAUTHENTICATED] = codes[FORBIDDEN] = None
    if route.access.machine_scope is not None:
        codes[INSUFFICIENT_SCOPE] = None
    if route.access.mfa:
        codes[MFA_REQUIRED] = None
    if route.body is not None:
        codes |= dict.fromkeys(BODY)
    if signature.of(Source.PATH):
        codes[NOT_FOUND] = None
    if signature.only(Source.PAGE):
        codes[INVALID_CURSOR] = None
    if signature.only(Source.REVISION):
        codes[REVISION_REQUIRED] = codes[REVISION_STALE] = None
    if route.idempotent:
        codes |= dict.fromkeys(KEYED)
    if route.method not in SAFE:
        codes[CONFLICT] = None
        if route.access.signature is None:
            codes[CSRF_FAILED] = None
    codes |= dict.fromkeys(route.problems)
    return list(codes)


def problem_examples(routes: Iterable[Route]) -> dict[str, dict[str, Any]]:
    """The components that responses refer to: one example per code that any of the routes answers with."""
    codes = {code.name: code for route in routes for code in problems_of(route)}
    return {name: {"summary": code.title, "value": problem_example(code)} for name, code in sorted(codes.items())}


def signature_scheme(signature: WebhookSignature) -> str:
    """The name of a webhook's security scheme: `Stripe-Signature` is `stripe_signature`."""
    return signature.header.lower().replace("-", "_")


def _security(route: Route) -> list[dict[str, list[str]]]:
    """The ways in: any one of them, and all that one of them names."""
    access = route.access
    if access.signature is not None:
        return [{signature_scheme(access.signature): []}]
    if not access.signed_in:
        return []
    ways: list[dict[str, list[str]]] = [{"bearer": sorted(access.roles)}, {"session": []}]
    if access.scope is not None:
        return [{**way, "scope": [access.scope]} for way in ways]
    if access.machine_scope is not None:
        ways.append({"machine": sorted(access.roles), "scope": [access.machine_scope]})
    return ways


def _tag(route: Route) -> str:
    """The first fixed segment after the version: `/api/v1/admin/leads` is `admin`."""
    segments = [segment for segment in route.path.split("/") if segment and not segment.startswith("{")]
    return next((segment for segment in segments if segment != "api" and not segment.startswith("v")), "api")


def _parameters(route: Route, schemas: Schemas) -> list[dict[str, Any]]:
    described = schemas.parameters[route.name]
    required = set(described.get("required", ()))
    in_path = {parameter.name for parameter in route.signature.of(Source.PATH)}
    parameters = []
    for name, described_by in described.get("properties", {}).items():
        schema = _of_a_parameter(described_by)
        parameter = {"name": name, "in": "path" if name in in_path else "query", "required": name in required}
        if "description" in described_by:
            parameter["description"] = described_by["description"]
        parameters.append({**parameter, "schema": schema})
    return [*parameters, *_header_parameters(route)]


def _of_a_parameter(described: dict[str, Any]) -> dict[str, Any]:
    """A parameter is there or not, but never null."""
    schema = {key: value for key, value in described.items() if key not in ("title", "description")}
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    if len(options) == 1:
        del schema["anyOf"]
        schema |= options[0]
    return {key: value for key, value in schema.items() if key != "default" or value is not None}


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    parameters = []
    if route.signature.only(Source.REVISION):
        parameters.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": True,
                "description": "The ETag of the revision that the change is based on.",
                "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
                "example": '"1"',
            }
        )
    if route.idempotent:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": route.key_required,
                "description": "The same key and request have one effect and get one answer, "
                f"for {RETENTION_HOURS} hours.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]+$"},
                "example": "5b2c7a90-0a5c-4f07-8a5e-1f2f5d2c9e11",
            }
        )
    return parameters


def _request_body(route: Route, schemas: Schemas) -> dict[str, Any]:
    assert route.body is not None
    schema = schemas.body(route.body.annotation)
    return {
        "required": True,
        "content": {"application/json": {"schema": schema, "example": example_of(schema, schemas)}},
    }


def _responses(route: Route, schemas: Schemas) -> dict[str, dict[str, Any]]:
    responses: dict[str, dict[str, Any]] = {str(route.status): _success(route, schemas)}
    by_status: defaultdict[int, list[Code]] = defaultdict(list)
    for code in problems_of(route):
        by_status[code.status].append(code)
    for status, codes in sorted(by_status.items()):
        examples = {code.name: {"$ref": f"#/components/examples/{code.name}"} for code in codes}
        responses[str(status)] = {
            "description": f"{phrase(status)}: {', '.join(code.name for code in codes)}",
            "content": {"application/problem+json": {"schema": PROBLEM, "examples": examples}},
        }
    return responses


def _success(route: Route, schemas: Schemas) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": phrase(route.status)}
    headers = {"X-Request-Id": {"description": "The id of the request's trace.", "schema": {"type": "string"}}}
    if route.answer.wrapped:
        headers["ETag"] = {"description": "The revision, for If-Match.", "schema": {"type": "string"}}
    if route.idempotent:
        headers["Idempotency-Replayed"] = {
            "description": "`true` when this is the answer to an earlier request with the same key.",
            "schema": {"type": "string"},
        }
    answer["headers"] = headers
    if route.answer.shape != "none":
        schema = schemas.answer(route)
        answer["content"] = {"application/json": {"schema": schema, "example": example_of(schema, schemas)}}
    return answer
