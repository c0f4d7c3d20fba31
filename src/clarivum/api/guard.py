"""Whether a caller is one of those whom a route's access names."""

from urllib.parse import quote

from clarivum.api.access import Access
from clarivum.api.response import Scope
from clarivum.auth import Principal
from clarivum.errors import FORBIDDEN, INSUFFICIENT_SCOPE, MFA_REQUIRED, UNAUTHENTICATED, RequestError


def guard(access: Access, principal: Principal, scope: Scope, step_up_path: str | None) -> None:
    """Raises the 401 or 403 of a caller whom `access` does not name. `scope` is the request's, as ASGI calls it."""
    if not access.signed_in:
        return
    if principal.subject is None:
        raise RequestError("This route needs an access token or a session.", code=UNAUTHENTICATED)
    if access.roles and access.roles.isdisjoint(principal.roles):
        raise RequestError(f"This route is for {access}.", code=FORBIDDEN)
    if principal.is_machine:
        if access.machine_scope is None:
            raise RequestError("This route is for people; no scope lets a machine in.", code=FORBIDDEN)
        if access.machine_scope not in principal.scopes:
            raise _scope_missing(access.machine_scope)
        return
    if access.scope is not None and access.scope not in principal.scopes:
        raise _scope_missing(access.scope)
    if access.mfa and not principal.mfa:
        raise second_factor_required(scope, step_up_path)


def second_factor_required(scope: Scope, step_up_path: str | None) -> RequestError:
    """The 401 for a caller who holds the role and not the second factor (RFC 9470), with where to get it."""
    extensions = {}
    if step_up_path is not None:
        return_to = quote(scope["path"]) if scope["method"] == "GET" else "/"
        extensions["step_up"] = f"{step_up_path}&returnTo={quote(return_to, safe='')}"
    return RequestError(
        "This route is for callers who signed in with a second factor.", code=MFA_REQUIRED, extensions=extensions
    )


def _scope_missing(scope: str) -> RequestError:
    """The 403 of RFC 6750, section 3.1; the challenge names the scope as well."""
    return RequestError("The access token lacks a scope.", code=INSUFFICIENT_SCOPE, extensions={"scope": scope})
