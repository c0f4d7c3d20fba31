"""A route, compiled: one callable that does what the declaration says and nothing else.

principal → guard → rate → parameters → body → handler, in one transaction where it asks for one → contract out →
span, metric and access line. What can be decided from the declaration is decided once, in the constructor.
"""

import asyncio
from time import monotonic
from typing import Any

from clarivum.api.credentials import may_hold_session
from clarivum.api.exchange import CLIENT_GONE, failed, finish, observe, too_late
from clarivum.api.guard import guard
from clarivum.api.http.peer import rate_key
from clarivum.api.idempotency import KeyedRequest, claim, keep, keyed_request, read_key
from clarivum.api.json_body import read_body
from clarivum.api.parameters import ParameterReader
from clarivum.api.rates.limiter import rate_head, require_granted
from clarivum.api.refusals import REFUSALS, note_refusal
from clarivum.api.rendering import Renderer
from clarivum.api.reply import Client
from clarivum.api.request import ClientGoneError, Headers, body_of, headers_of, require_json
from clarivum.api.resources import Resources
from clarivum.api.response import Receive, Response, Scope, Send
from clarivum.api.revision import parse_if_match
from clarivum.api.route import SAFE, Route
from clarivum.api.signature import Source
from clarivum.api.webhook import WebhookSignature
from clarivum.auth import ANONYMOUS_PRINCIPAL, Principal, bearer_token
from clarivum.auth.audit import AuditEvent, audit_in
from clarivum.database import Context, retrying
from clarivum.errors import RequestError


class Endpoint:
    """Serves one route."""

    def __init__(self, route: Route, resources: Resources) -> None:
        signature = route.signature
        self._route = route
        self._resources = resources
        self._access = route.access
        self._handler = route.handler
        self._signed = route.access.signature
        self._limiter = resources.limiter(route.rate, f"{route.method} {route.path}")
        self._timeout_s = route.timeout_s or resources.request_timeout_s
        self._render = Renderer(route).render
        self._parameters = ParameterReader(f"{route.method} {route.path}", signature)
        self._validator = route.body.annotation.__pydantic_validator__ if route.body else None
        names = {source: parameter.name for source in Source if (parameter := signature.only(source))}
        self._body_name = names.get(Source.BODY)
        self._session_name = names.get(Source.SESSION)
        self._transaction_name = names.get(Source.TRANSACTION)
        self._principal_name = names.get(Source.PRINCIPAL)
        self._client_name = names.get(Source.CLIENT)
        self._revision_name = names.get(Source.REVISION)
        self._is_paged = Source.PAGE in names
        # Routes for staff alone run under a role of their own, whose policies members do not have (ADR-0006).
        self._is_for_staff = route.is_for_staff
        self._is_audited = route.is_for_staff and route.method not in SAFE
        self._name = f"{route.method} {route.path}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send, path_values: dict[str, bytes]) -> None:
        headers = headers_of(scope)
        observation = observe(scope, headers, self._route.path)
        deadlines, started, task = self._resources.deadlines, monotonic(), asyncio.current_task()
        assert task is not None
        deadlines.enter(task, started + self._timeout_s)
        standing: list[bytes] = []
        error_type: str | Exception | None = None
        principal = ANONYMOUS_PRINCIPAL
        try:
            if self._signed is None and (b"authorization" in headers or b"cookie" in headers):
                principal = await self._caller(scope, headers, standing)
            guard(self._access, principal, scope, self._resources.step_up_path)
            if (limiter := self._limiter) is not None:
                caller = principal.subject or rate_key(self._address(scope, headers))
                allowance = limiter.take(caller, started) or await limiter.settle(caller)
                standing.append(rate_head(limiter.rate, allowance))
                require_granted(limiter.rate, allowance, "caller")
            signed = None if self._signed is None else await self._proven(self._signed, receive, headers)
            values, body = await self._arguments(scope, receive, headers, path_values, signed)
            if self._principal_name is not None:
                values[self._principal_name] = principal
            if self._client_name is not None:
                values[self._client_name] = self._client(scope, headers, observation.trace_id_hex)
            keyed = self._keyed(scope, headers, principal, body) if self._route.idempotent else None
            response = await self._act(principal, values, keyed, observation.trace_id_hex)
        except asyncio.CancelledError:
            if not deadlines.is_late(task):
                observation.finish(CLIENT_GONE, "client_gone")
                raise
            task.uncancel()
            response, error_type = failed(too_late(self._timeout_s), scope, observation)
        except ClientGoneError:
            observation.finish(CLIENT_GONE, "client_gone")
            return
        except Exception as error:
            response, error_type = failed(error, scope, observation)
            if response.status in REFUSALS:
                note_refusal(self._resources.audit, error, self._name, observation.trace_id_hex, principal=principal)
        finally:
            deadlines.leave(task)
        await finish(scope, send, observation, response, error_type=error_type, extra_head=b"".join(standing))

    async def _caller(self, scope: Scope, headers: Headers, standing: list[bytes]) -> Principal:
        """Whoever the request's credentials stand for. `standing` gets what a renewed session sets."""
        resources, principal = self._resources, ANONYMOUS_PRINCIPAL
        refused = resources.refused_credentials
        try:
            if b"authorization" in headers and (token := bearer_token(scope["headers"])) is not None:
                known = resources.verifier.cached(token)
                if known is None:
                    refused.require_open(scope, headers, standing)
                    known = await resources.verifier.verify(token)
                principal = known
            if b"cookie" in headers and (sessions := resources.sessions) is not None and may_hold_session(headers):
                refused.require_open(scope, headers, standing)
                principal = await sessions.admit(scope["method"], headers, principal, standing)
        except RequestError as error:
            await refused.count(error, scope, headers)
            raise
        return principal

    async def _proven(self, signature: WebhookSignature, receive: Receive, headers: Headers) -> bytes:
        """The body of a webhook, as it was signed."""
        resources = self._resources
        body = await body_of(receive, headers, resources.max_body_bytes)
        secrets = resources.webhook_secrets.get(signature.variable, ())
        header = headers.get(signature.header.lower().encode("ascii"))
        signature.check(header, body, secrets, resources.clock.now().timestamp())
        return body

    async def _arguments(
        self, scope: Scope, receive: Receive, headers: Headers, path_values: dict[str, bytes], signed: bytes | None
    ) -> tuple[dict[str, Any], bytes]:
        """What the handler gets from the request, and the body as it came. `signed`: a webhook's, which was read.

        Raises the RequestError of the first part that cannot be read.
        """
        resources, body = self._resources, b""
        seal = (resources.seal or await resources.cursor_seal()) if self._is_paged else None
        values = self._parameters.read(path_values, scope["query_string"], seal)
        if self._validator is not None:
            assert self._body_name is not None
            require_json(headers)
            body = await body_of(receive, headers, resources.max_body_bytes) if signed is None else signed
            values[self._body_name] = read_body(self._validator, body)
        if self._revision_name is not None:  # after everything else: a precondition only counts for a good request
            tag = headers.get(b"if-match")
            values[self._revision_name] = parse_if_match(None if tag is None else tag.decode("latin-1"))
        return values, body

    async def _act(
        self, principal: Principal, values: dict[str, Any], keyed: KeyedRequest | None, trace_id: str
    ) -> Response:
        """Run the handler for the caller and write down what it returns."""
        if self._session_name is not None:
            values[self._session_name] = self._resources.database.session(self._context(principal))
        elif self._transaction_name is not None:
            context, event = self._context(principal), None
            if self._is_audited:
                event = AuditEvent(
                    "admin_write", "done", "committed", principal.subject, principal.roles, self._name, trace_id
                )
            return await retrying(lambda: self._transact(context, values, keyed, event))
        return self._render(await self._handler(**values))

    async def _transact(
        self, context: Context, values: dict[str, Any], keyed: KeyedRequest | None, event: AuditEvent | None
    ) -> Response:
        """Key, effect, audit and answer in one transaction; crossing another one runs all of it again."""
        async with self._resources.database.session(context).transaction() as tx:
            if keyed is not None and (answered := await claim(tx, keyed)) is not None:
                return answered
            assert self._transaction_name is not None
            response = self._render(await self._handler(**{**values, self._transaction_name: tx}))
            if event is not None:
                audit_in(tx, event)
            if keyed is not None:
                keep(tx, keyed, response)
        return response

    def _keyed(self, scope: Scope, headers: Headers, principal: Principal, body: bytes) -> KeyedRequest | None:
        route = self._route
        key = read_key(headers.get(b"idempotency-key"), required=route.key_required)
        if key is None:
            return None
        return keyed_request(
            key,
            caller=principal.subject,
            route=f"{route.method} {route.path}",
            target=(scope["path"].encode("utf-8", "surrogatepass"), scope["query_string"]),
            body=body,
        )

    def _context(self, principal: Principal) -> Context:
        return principal.staff_context or principal.context if self._is_for_staff else principal.context

    def _client(self, scope: Scope, headers: Headers, request_id: str) -> Client:
        agent = headers.get(b"user-agent")
        return Client(self._address(scope, headers), None if agent is None else agent.decode("latin-1"), request_id)

    def _address(self, scope: Scope, headers: Headers) -> str:
        return self._resources.peers.address(scope.get("client"), headers.get(b"x-forwarded-for"))
