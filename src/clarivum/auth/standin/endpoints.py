"""The stand-in over HTTP: an ASGI application without a framework, four paths, the answers in Auth0's words."""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from clarivum.auth.policy import LOOPBACK_HOSTS
from clarivum.auth.standin.issuing import DEFAULT_LIFETIME_S, DEVELOPMENT_GRANT, StandIn
from clarivum.auth.strict_json import parse_object
from clarivum.errors import UsageError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 16_384
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON document (or, for `str`, plain text)."""

    status: int
    content: dict[str, Any] | str
    headers: Mapping[str, str] = field(default_factory=dict)


def stand_in_app(stand_in: StandIn) -> Application:
    """The ASGI application of a stand-in. Answers only requests addressed to this machine by name (`Host`)."""
    documents: Mapping[str, Callable[[], Answer]] = {
        "/": lambda: Answer(200, _welcome(stand_in)),
        "/.well-known/openid-configuration": lambda: Answer(200, _metadata(stand_in)),
        "/.well-known/jwks.json": lambda: Answer(200, stand_in.key_set(), {"cache-control": "public, max-age=15"}),
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _send(send, await answer(scope, receive))

    async def answer(scope: Scope, receive: Receive) -> Answer:
        path, method = scope["path"], scope["method"]
        if not _addressed_to_loopback(scope["headers"]):
            return _error(421, "invalid_request", "This stand-in answers on loopback only.")
        if path == "/oauth/token":
            if method != "POST":
                return _not_allowed("POST")
            body = await _body(receive)
            return _error(413, "invalid_request", "The body is too large.") if body is None else token(scope, body)
        if path in documents:
            return documents[path]() if method == "GET" else _not_allowed("GET")
        return _error(404, "not_found", "The stand-in has no such path.")

    def token(scope: Scope, body: bytes) -> Answer:
        try:
            request = _parameters(_header(scope["headers"], b"content-type"), body)
            return _grant(stand_in, request)
        except UsageError as error:
            return _error(400, "invalid_request", error.detail)
        except ValueError as error:
            return _error(400, "invalid_request", f"The body could not be read: {error}.")

    return app


def _grant(stand_in: StandIn, request: Mapping[str, str]) -> Answer:
    grant = request.get("grant_type")
    if grant not in ("client_credentials", DEVELOPMENT_GRANT):
        known = f"client_credentials and {DEVELOPMENT_GRANT}"
        return _error(403, "unsupported_grant_type", f"The stand-in knows the grant types {known}.")
    if request.get("audience", stand_in.audience) != stand_in.audience:
        return _error(403, "access_denied", f"The only audience here is {stand_in.audience}.")
    lifetime = request.get("expires_in", str(DEFAULT_LIFETIME_S))
    if not re.fullmatch(r"[0-9]{1,9}", lifetime):
        raise UsageError("expires_in is a number of seconds")
    scopes = request.get("scope", "").split()
    if grant == "client_credentials":
        if "audience" not in request:
            return _error(403, "access_denied", f"Name the audience: {stand_in.audience}.")
        client_id = request.get("client_id", "")
        if not _CLIENT_ID.fullmatch(client_id) or not request.get("client_secret"):
            return _error(401, "access_denied", "client_id and client_secret are missing; any will do here.")
        access_token = stand_in.issue_to_machine(client_id, int(lifetime), scopes=scopes)
    else:
        roles = request.get("role", "").split()
        access_token = stand_in.issue(
            request.get("sub", ""), roles, request.get("email"), int(lifetime), scopes=scopes, mfa=_mfa(request)
        )
    content = {"access_token": access_token, "token_type": "Bearer", "expires_in": int(lifetime)}
    if scopes:
        content["scope"] = " ".join(scopes)
    return Answer(200, content)


def _mfa(request: Mapping[str, str]) -> bool | None:
    value = request.get("mfa")
    if value not in (None, "true", "false"):
        raise UsageError("mfa is true or false")
    return None if value is None else value == "true"


def _parameters(content_type: str, body: bytes) -> dict[str, str]:
    """Form or JSON, as Auth0 takes both. Raises ValueError for anything else, and for a repeated name."""
    if content_type.partition(";")[0].strip().lower() == "application/json":
        parameters = parse_object(body)
        if not all(isinstance(value, str) for value in parameters.values()):
            raise ValueError("every member must be a string")
        return parameters
    pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=32)
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a parameter is repeated")
    return dict(pairs)


def _metadata(stand_in: StandIn) -> dict[str, Any]:
    return {
        "issuer": stand_in.issuer,
        "jwks_uri": f"{stand_in.issuer}.well-known/jwks.json",
        "token_endpoint": f"{stand_in.issuer}oauth/token",
        "grant_types_supported": ["client_credentials", DEVELOPMENT_GRANT],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def _welcome(stand_in: StandIn) -> str:
    return (
        "Clarivum's identity stand-in (development only). A token for a person:\n\n"
        f"  curl -s {stand_in.issuer}oauth/token -d grant_type={DEVELOPMENT_GRANT} "
        "--data-urlencode 'sub=auth0|alice' -d role=member\n\n"
        "and for a machine:\n\n"
        f"  curl -s {stand_in.issuer}oauth/token -d grant_type=client_credentials -d client_id=reports "
        f"-d client_secret=any -d audience={stand_in.audience}\n"
    )


def _addressed_to_loopback(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """A page whose own name was made to resolve to 127.0.0.1 (DNS rebinding) sends its own name as Host."""
    host = _header(headers, b"host")
    return re.sub(r":\d{1,5}$", "", host).strip("[]").lower() in LOOPBACK_HOSTS


def _header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in headers if name == wanted), "")


def _error(status: int, error: str, description: str) -> Answer:
    return Answer(status, {"error": error, "error_description": description})


def _not_allowed(method: str) -> Answer:
    return Answer(
        405, {"error": "invalid_request", "error_description": f"This path answers {method}."}, {"allow": method}
    )


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None when it is larger than 16 kB."""
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return body


async def _send(send: Send, answer: Answer) -> None:
    plain = isinstance(answer.content, str)
    body = answer.content.encode() if isinstance(answer.content, str) else json.dumps(answer.content).encode()
    headers = {
        "content-type": "text/plain; charset=utf-8" if plain else "application/json",
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **answer.headers,
    }
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
