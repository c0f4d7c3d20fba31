"""Why a verified caller may or may not call a route, or use a table: the guard, the second factor, the policies."""

import asyncio
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from clarivum import telemetry
from clarivum.api import Access, Route
from clarivum.application import Application
from clarivum.auth import Principal, TokenVerifier
from clarivum.auth.explanation import Step
from clarivum.auth.issuer_keys import Fetch
from clarivum.auth.shown import shown
from clarivum.checks.access.agreement import needs_of_route
from clarivum.checks.access.matrix import ALLOWED, RouteCell, cell_phrase
from clarivum.checks.access.route_trial import call_once
from clarivum.checks.access.trying import COPY, read_samples
from clarivum.checks.facts import Facts
from clarivum.checks.usage import database_role
from clarivum.database import ANONYMOUS, WORKER, Context
from clarivum.database.trial import VERBS, Cast, Cell, Guise, Owner, Reach, TableTrial, Verb, copied, try_tables
from clarivum.errors import UsageError
from clarivum.settings import Settings

CALLER, STRANGER, PLATFORM = "caller", "somebody else", "platform"
STRANGER_SUBJECT, STRANGER_EMAIL = "explain|somebody-else", "somebody-else@example.org"
NO_EMAIL = "no-address@example.org"


def caller_steps(principal: Principal) -> Iterator[Step]:
    """What is known of a verified caller."""
    kind = "a machine (client credentials)" if principal.is_machine else "a person"
    yield Step("caller", None, f"{kind}, subject {shown(principal.subject)}")
    yield Step("scopes", None, shown(sorted(principal.scopes)) if principal.scopes else "none")
    yield Step("second factor", None, "yes" if principal.mfa else "no: neither amr nor acr says so")
    staff = f"{principal.staff_context.role} on routes for staff, " if principal.staff_context else ""
    yield Step("database role", None, f"{staff}{principal.context.role}{' elsewhere' if staff else ''}")


def find_route(application: Application, text: str) -> Route:
    """The route that `GET /api/v1/leads` names; a path with values for its parameters will do.

    Raises UsageError with the nearest one.
    """
    method, _, path = text.strip().partition(" ")
    wanted = [method.upper(), *path.strip().partition("?")[0].split("/")]
    for route in application.routes:
        parts = [route.method, *route.path.split("/")]
        if len(parts) == len(wanted) and all(
            part == given or (part.startswith("{") and given) for part, given in zip(parts, wanted, strict=True)
        ):
            return route
    names = [f"{route.method} {route.path}" for route in application.routes]
    nearest = difflib.get_close_matches(text, names, n=1, cutoff=0.4)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise UsageError(f"there is no route {text!r}{hint} Write it like 'GET /api/v1/leads'.")


def parse_table(text: str) -> tuple[str, Verb | None]:
    """`public.leads`, `leads`, `public.leads:select`. Raises UsageError for a verb that is none."""
    name, _, verb = text.strip().partition(":")
    qualified = name if "." in name else f"public.{name}"
    if not verb:
        return qualified, None
    for known in VERBS:
        if known == verb.lower():
            return qualified, known
    raise UsageError(f"there is no verb {verb!r}: choose from {', '.join(VERBS)}")


def table_steps(facts: Facts, principal: Principal, text: str) -> list[Step]:
    """What this caller may do to a table, each database role by itself; the last step is the result."""
    qualified, verb = parse_table(text)
    contexts = [context for context in (principal.staff_context, principal.context) if context is not None]
    trial = _tried(facts, principal, qualified, contexts)
    steps, allowed = [], False
    for context in contexts:
        for name in VERBS if verb is None else (verb,):
            cell = trial.cells[CALLER, context.role][name]
            allowed = allowed or _gives(cell)
            steps.append(Step(f"{name} as {context.role}", _gives(cell), _phrase(cell)))
    what = f"{verb or 'anything'} on {qualified}"
    result = f"may {verb} {qualified}" if verb else f"may do what is ticked to {qualified}"
    steps.append(Step("result", allowed, result if allowed else f"may not do {what}"))
    return steps


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token that was accepted, whom it stands for, and how: its settings and where keys come from."""

    token: str
    principal: Principal
    settings: Settings
    fetch: Fetch


def route_steps(facts: Facts, credentials: Credentials, text: str) -> list[Step]:
    """What a route makes of this caller: guard, second factor, the tables that its statements need, and one request
    made for real on a scratch database; the last step is the result."""
    route, principal = find_route(facts.application, text), credentials.principal
    access = route.access
    steps = [_guard(route, principal), *_scope(access, principal)]
    if access.signed_in and principal.is_machine:
        steps.append(Step("MFA", None, "not demanded of a machine"))
    elif access.signed_in and access.mfa:
        steps.append(Step("MFA", principal.mfa, "demanded, and given" if principal.mfa else "demanded, and not given"))
    elif access.signed_in:
        steps.append(Step("MFA", None, "not demanded"))
    staff = database_role(access) == "clarivum_staff" and principal.staff_context is not None
    context = principal.staff_context if staff and principal.staff_context else principal.context
    if access.signature is not None:  # whoever signs is nobody that the database knows
        context = ANONYMOUS
    steps.append(Step("database role", None, f"{context.role} on this route"))
    for (verb, table), as_worker in needs_of_route(route, facts.usage):
        role = WORKER if as_worker else context
        trial = _tried(facts, principal, table, [role])
        cell = trial.cells[CALLER if not as_worker else PLATFORM, role.role][verb]
        steps.append(Step(f"{verb} {table} as {role.role}", _gives(cell), _phrase(cell)))
    steps.append(_result(route, _called(facts, route, credentials)))
    return steps


def _guard(route: Route, principal: Principal) -> Step:
    access = route.access
    if access.signature is not None:
        return Step("guard", False, f"for {access}: neither tokens nor session cookies are looked at")
    if not access.signed_in:
        return Step("guard", True, "anyone may call it")
    if not access.roles:
        return Step("guard", True, "any signed-in caller may call it")
    wanted, held = " or ".join(sorted(access.roles)), ", ".join(sorted(principal.roles)) or "no role"
    return Step("guard", not access.roles.isdisjoint(principal.roles), f"for role {wanted}; the caller holds {held}")


def _scope(access: Access, principal: Principal) -> Iterator[Step]:
    """What `clarivum.api.guard` asks of the token's scopes, if anything."""
    if not access.signed_in:
        return
    wanted = access.machine_scope if principal.is_machine else access.scope
    held = ", ".join(sorted(principal.scopes)) or "none"
    if wanted is not None:
        yield Step("scope", wanted in principal.scopes, f"{wanted} demanded; the token holds {held}")
    elif principal.is_machine:
        yield Step("scope", False, "the route names no scope for machines, so it is for people")


def _tried(facts: Facts, principal: Principal, qualified: str, contexts: Sequence[Context]) -> TableTrial:
    """The trial of one table with rows of the caller's own and of somebody else's."""
    table = facts.catalog.table(qualified)
    if table is None:
        names = [each.qualified for each in facts.catalog.tables]
        nearest = difflib.get_close_matches(qualified, names, n=1, cutoff=0.4)
        raise UsageError(f"there is no table {qualified!r}" + (f"; did you mean {nearest[0]!r}?" if nearest else ""))
    assert principal.subject is not None
    owners = [
        Owner(CALLER, principal.subject, principal.email or NO_EMAIL),
        Owner(STRANGER, STRANGER_SUBJECT, STRANGER_EMAIL),
    ]
    guises = [Guise(PLATFORM if context is WORKER else CALLER, context) for context in contexts]
    cast = Cast(guises, owners, read_samples(facts.application.root))
    admin_url, _ = facts.scratch_urls
    (trial,) = try_tables(admin_url, [table.oid], cast)
    return trial


def _called(facts: Facts, route: Route, credentials: Credentials) -> RouteCell:
    """One request with the caller's own token. Its settings, on a scratch database and without telemetry."""

    async def call(app_url: str) -> RouteCell:
        changed = {"database_url": SecretStr(app_url), "rate_limits": False, "telemetry_disabled": True}
        own = credentials.settings.model_copy(update={**changed, "otlp_endpoint": None, "log_level": "error"})
        telemetry.configure(own, role="cli")
        try:
            verifier = TokenVerifier(own, fetch=credentials.fetch)
            return await call_once(facts.application, route, own, verifier, credentials.token)
        finally:
            telemetry.shutdown()

    with copied(*facts.scratch_urls, COPY) as (_, app_url):
        return asyncio.run(call(app_url))


def _result(route: Route, cell: RouteCell) -> Step:
    name = f"{route.method} {route.path}"
    if cell.outcome == ALLOWED:
        return Step("result", True, f"may call {name}; an example request was answered {cell.status}")
    if cell.let_in and not cell.database and cell.status < 500:
        told = f"the guard lets the caller in; the example request ended with {cell.status} {cell.outcome}"
        return Step("result", True, told)
    return Step("result", False, f"may not call {name}: {cell.status} {cell.outcome}")


def _gives(cell: Cell) -> bool:
    return cell.reach not in {Reach.NONE, Reach.UNTRIED} or any(then is not Reach.NONE for _, then in cell.when)


def _phrase(cell: Cell) -> str:
    return shown(cell_phrase(cell))
