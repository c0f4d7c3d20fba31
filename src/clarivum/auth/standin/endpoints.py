"""The stand-in over HTTP: an ASGI application without a framework, the answers in Auth0's words."""

import base64
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from clarivum.auth.policy import LOOPBACK_HOSTS
from clarivum.auth.standin.answers import (
    Answer,
    Receive,
    Scope,
    Send,
    moved,
    not_allowed,
    refusal,
    send_answer,
    whole_body,
)
from clarivum.auth.standin.authorization import (
    AuthorizationRequest,
    Authorizations,
    GrantNotTakenError,
    Person,
    check_on_this_machine,
)
from clarivum.auth.standin.issuing import DEFAULT_LIFETIME_S, DEVELOPMENT_GRANT, StandIn
from clarivum.auth.standin.sign_in_page import sign_in_page
from clarivum.auth.strict_json import parse_object
from clarivum.errors import UsageError

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_GRANTS = ("authorization_code", "refresh_token", "client_credentials", DEVELOPMENT_GRANT)


def stand_in_app(stand_in: StandIn) -> Application:
    """The ASGI application of a stand-in. Answers only requests addressed to this machine by name (`Host`)."""
    authorizations = Authorizations(stand_in, stand_in.clock)
    documents: Mapping[str, Callable[[], Answer]] = {
        "/": lambda: Answer(200, _welcome(stand_in)),
        "/.well-known/openid-configuration": lambda: Answer(200, _metadata(stand_in)),
        "/.well-known/jwks.json": lambda: Answer(200, stand_in.key_set(), {"cache-control": "public, max-age=15"}),
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send_answer(send, await answer(scope, receive))

    async def answer(scope: Scope, receive: Receive) -> Answer:
        path, method = scope["path"], scope["method"]
        if not _addressed_to_loopback(scope["headers"]):
            return refusal(421, "invalid_request", "This stand-in answers on loopback only.")
        if path in documents:
            return documents[path]() if method == "GET" else not_allowed("GET")
        if path not in _METHODS:
            return refusal(404, "not_found", "The stand-in has no such path.")
        if method not in _METHODS[path]:
            return not_allowed(*_METHODS[path])
        body = await whole_body(receive)
        if body is None:
            return refusal(413, "invalid_request", "The body is too large.")
        try:
            return act(path, method, scope, body)
        except UsageError as error:
            return refusal(400, "invalid_request", error.detail)
        except GrantNotTakenError as error:
            return refusal(403 if path == "/oauth/token" else 400, "invalid_grant", str(error))
        except ValueError as error:
            return refusal(400, "invalid_request", f"The request could not be read: {error}.")

    def act(path: str, method: str, scope: Scope, body: bytes) -> Answer:
        if method == "GET":
            parameters = _form(scope["query_string"])
        else:
            parameters = _parameters(_header(scope["headers"], b"content-type"), body)
        if path == "/authorize":
            return _authorize(stand_in, authorizations, method, parameters)
        if path == "/oidc/logout":
            return _logout(parameters)
        request = {**parameters, **_basic_credentials(scope["headers"])}
        if path == "/oauth/revoke":
            authorizations.forget(request.get("token", ""))
            return Answer(200, {})
        return _grant(stand_in, authorizations, request)

    return app


_METHODS = {
    "/authorize": ("GET", "POST"),
    "/oidc/logout": ("GET",),
    "/oauth/token": ("POST",),
    "/oauth/revoke": ("POST",),
}


def _authorize(stand_in: StandIn, authorizations: Authorizations, method: str, parameters: Mapping[str, str]) -> Answer:
    """The page, or what follows from its form."""
    request = AuthorizationRequest.read(parameters)
    if method == "GET":
        return sign_in_page(request, parameters)
    if parameters.get("act") == "decline":
        return moved(request.answered(stand_in.issuer, error="access_denied"))
    code = authorizations.code_for(request, Person.read(parameters))
    return moved(request.answered(stand_in.issuer, code=code))


def _logout(parameters: Mapping[str, str]) -> Answer:
    """Nobody is remembered here, so there is nothing to end."""
    target = parameters.get("post_logout_redirect_uri")
    if target is None:
        return Answer(200, "Signed out.\n")
    check_on_this_machine(target, "post_logout_redirect_uri")
    return moved(target)


def _grant(stand_in: StandIn, authorizations: Authorizations, request: Mapping[str, str]) -> Answer:
    grant = request.get("grant_type")
    if grant not in _GRANTS:
        return refusal(403, "unsupported_grant_type", f"The stand-in knows the grant types {', '.join(_GRANTS)}.")
    if request.get("audience", stand_in.audience) != stand_in.audience:
        return refusal(403, "access_denied", f"The only audience here is {stand_in.audience}.")
    lifetime = request.get("expires_in", str(DEFAULT_LIFETIME_S))
    if not re.fullmatch(r"[0-9]{1,9}", lifetime):
        raise UsageError("expires_in is a number of seconds")
    if grant == DEVELOPMENT_GRANT:
        return _bearer(_development_token(stand_in, request, int(lifetime)), request, int(lifetime))
    client_id = request.get("client_id", "")
    if not _CLIENT_ID.fullmatch(client_id) or not request.get("client_secret"):
        return refusal(401, "access_denied", "client_id and client_secret are missing; any will do here.")
    if grant == "authorization_code":
        return Answer(200, authorizations.redeem(request, client_id, int(lifetime)))
    if grant == "refresh_token":
        return Answer(200, authorizations.refresh(request.get("refresh_token", ""), client_id, int(lifetime)))
    if "audience" not in request:
        return refusal(403, "access_denied", f"Name the audience: {stand_in.audience}.")
    scopes = request.get("scope", "").split()
    return _bearer(stand_in.issue_to_machine(client_id, int(lifetime), scopes=scopes), request, int(lifetime))


def _development_token(stand_in: StandIn, request: Mapping[str, str], lifetime_s: int) -> str:
    return stand_in.issue(
        request.get("sub", ""),
        request.get("role", "").split(),
        request.get("email"),
        lifetime_s,
        scopes=request.get("scope", "").split(),
        mfa=_mfa(request),
    )


def _bearer(access_token: str, request: Mapping[str, str], lifetime_s: int) -> Answer:
    content = {"access_token": access_token, "token_type": "Bearer", "expires_in": lifetime_s}
    scopes = request.get("scope", "").split()
    return Answer(200, {**content, "scope": " ".join(scopes)} if scopes else content)


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
    return _form(body)


def _form(encoded: bytes) -> dict[str, str]:
    """Raises ValueError for what is no form, and for a repeated name."""
    text = encoded.decode("utf-8")
    pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=32)
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a parameter is repeated")
    return dict(pairs)


def _metadata(stand_in: StandIn) -> dict[str, Any]:
    return {
        "issuer": stand_in.issuer,
        "jwks_uri": f"{stand_in.issuer}.well-known/jwks.json",
        "authorization_endpoint": f"{stand_in.issuer}authorize",
        "token_endpoint": f"{stand_in.issuer}oauth/token",
        "revocation_endpoint": f"{stand_in.issuer}oauth/revoke",
        "end_session_endpoint": f"{stand_in.issuer}oidc/logout",
        "grant_types_supported": list(_GRANTS),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "authorization_response_iss_parameter_supported": True,
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


def _basic_credentials(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The client in the Authorization header (RFC 6749 section 2.3.1); none when there is no such header."""
    scheme, _, encoded = _header(headers, b"authorization").partition(" ")
    if scheme.lower() != "basic":
        return {}
    client_id, _, client_secret = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    return {"client_id": unquote(client_id), "client_secret": unquote(client_secret)}
