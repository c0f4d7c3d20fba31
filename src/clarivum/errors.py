"""The registry of error codes. A code is never reused; docs/errors.md is generated from this file.

A message says what failed, where, what was expected and how to fix it; never a payload, a token or another tenant's id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class Exit(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    CONFIGURATION = 3
    REFUSED = 4
    DEPENDENCY_DOWN = 5


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of failure: its stable name, its HTTP status, and what whoever meets it should do."""

    name: str
    status: int
    title: str
    remedy: str
    exit: Exit = Exit.FINDINGS


REGISTRY: dict[str, Code] = {}


def register(name: str, status: int, title: str, remedy: str, exit: Exit = Exit.FINDINGS) -> Code:
    """Add a code to the registry. Raises ValueError when the name is taken: codes are never reused."""
    if name in REGISTRY:
        raise ValueError(f"error code {name!r} is registered twice")
    code = REGISTRY[name] = Code(name, status, title, remedy, exit)
    return code


@dataclass(frozen=True, slots=True)
class Violation:
    """One failed expectation about an input.

    `pointer` is an RFC 6901 JSON pointer into the body, or `query:<name>`, `path:<name>`, `header:<name>`.
    """

    pointer: str
    message: str
    code: str


class ClarivumError(Exception):
    """A failure with a registered code. `detail` may be shown to the caller; `log` only reaches the log.

    `extensions` are further members of the problem document (RFC 9457 section 3.2).
    """

    default: ClassVar[Code]

    def __init__(
        self,
        detail: str,
        *,
        code: Code | None = None,
        violations: Sequence[Violation] = (),
        retry_after_s: int | None = None,
        log: str | None = None,
        extensions: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code or self.default
        self.detail = detail
        self.violations = tuple(violations)
        self.retry_after_s = retry_after_s
        self.log = log
        self.extensions = dict(extensions or {})


# -- the request ------------------------------------------------------------------------------------------------------
MALFORMED_REQUEST = register(
    "malformed_request", 400, "The request could not be read", "Send a well-formed HTTP request."
)
MALFORMED_JSON = register(
    "malformed_json",
    400,
    "The body is not valid JSON",
    "Send one JSON document (RFC 8259), UTF-8, without duplicate names, at most 64 levels deep.",
)
INVALID_CURSOR = register(
    "invalid_cursor",
    400,
    "The cursor was not issued by this endpoint",
    "Use the `next` value of the previous page unchanged, with the same filters.",
)
INVALID_IDEMPOTENCY_KEY = register(
    "invalid_idempotency_key",
    400,
    "The Idempotency-Key header is missing or malformed",
    "Send 1 to 255 visible ASCII characters, best a UUID, quoted or not.",
)
CONFLICTING_CREDENTIALS = register(
    "conflicting_credentials",
    400,
    "The request carries credentials that contradict each other",
    "Send one Authorization header, or one session cookie, of one subject.",
)
INVALID_REDIRECT = register(
    "invalid_redirect",
    400,
    "The place to return to is not a path of this site",
    "Send returnTo as a path such as /account, without a scheme, a host, or an encoded spelling of them.",
)
LOGIN_FAILED = register(
    "login_failed",
    400,
    "The login could not be completed",
    "Start again at /auth/login, in one tab, and come back within ten minutes.",
)
INVALID_SIGNATURE = register(
    "invalid_signature",
    400,
    "The webhook's signature was not accepted",
    "Send the body as it was signed, with the signature header, within five minutes; the log says what is wrong.",
)
INVALID_TOKEN = register(
    "invalid_token",
    401,
    "The access token was not accepted",
    "Ask the issuer for a new access token for this API's audience.",
)
INVALID_SESSION = register(
    "invalid_session",
    401,
    "The session cookie was not accepted",
    "Sign in again. If every session is refused: see Session cookies in docs/guide/auth.md.",
)
UNAUTHENTICATED = register(
    "unauthenticated",
    401,
    "This needs a signed-in caller",
    "Send an access token: `Authorization: Bearer …`.",
)
MFA_REQUIRED = register(
    "mfa_required",
    401,
    "This needs a sign-in with a second factor",
    "Sign in again at /auth/login?mfa=1, or ask the issuer for a token with acr_values of the challenge.",
)
LOGIN_DENIED = register(
    "login_denied",
    403,
    "The identity provider did not let the person in",
    "Sign in again at /auth/login and agree to what is asked, or ask an administrator for access.",
)
FORBIDDEN = register(
    "forbidden", 403, "The caller may not do this", "Ask an administrator for the role that the route names."
)
INSUFFICIENT_SCOPE = register(
    "insufficient_scope",
    403,
    "The access token lacks the scope that the route names",
    "Ask the issuer for a token with the scope in the answer's `scope`, and an administrator for the right to it.",
)
CSRF_FAILED = register(
    "csrf_failed",
    403,
    "A change made with a session cookie does not prove that it comes from our own pages",
    "Send it from an allowed origin, with the token of GET /auth/csrf in the header x-csrf-token.",
)
NOT_FOUND = register(
    "not_found", 404, "There is no such thing, or not for this caller", "Check the path and the identifier."
)
METHOD_NOT_ALLOWED = register(
    "method_not_allowed",
    405,
    "The path does not answer this method",
    "Use one of the methods in the Allow header.",
)
REQUEST_TIMEOUT = register(
    "request_timeout",
    408,
    "The request took too long to arrive",
    "Send the whole request within the time limit.",
)
CONFLICT = register(
    "conflict", 409, "The change contradicts what is stored", "Read the current state and decide again."
)
REQUEST_IN_FLIGHT = register(
    "request_in_flight",
    409,
    "A request with this Idempotency-Key is still running",
    "Wait for Retry-After seconds, then send the same request again.",
)
REVISION_STALE = register(
    "revision_stale",
    412,
    "The revision in If-Match is not the current one",
    "Read again, apply the change to what you get, and send its ETag in If-Match.",
)
BODY_TOO_LARGE = register("body_too_large", 413, "The body is larger than this API takes", "Send at most 1 MiB.")
UNSUPPORTED_MEDIA_TYPE = register(
    "unsupported_media_type",
    415,
    "The body is of a kind this endpoint does not take",
    "Send `content-type: application/json`, UTF-8, without a content encoding.",
)
VALIDATION_FAILED = register(
    "validation_failed",
    422,
    "The body does not fit the contract",
    "Correct every entry of `errors`; the contract is in /openapi.json.",
)
INVALID_PARAMETER = register(
    "invalid_parameter",
    422,
    "A path or query parameter is not acceptable",
    "Correct every entry of `errors`; the parameters are in /openapi.json.",
)
IDEMPOTENCY_KEY_REUSED = register(
    "idempotency_key_reused",
    422,
    "This Idempotency-Key was used with another request",
    "Use a new key for a new request.",
)
REVISION_REQUIRED = register(
    "revision_required",
    428,
    "This change needs an If-Match header",
    "Read the resource first and send its ETag in If-Match.",
)
RATE_LIMITED = register("rate_limited", 429, "Too many requests", "Wait for Retry-After seconds.")
HEADERS_TOO_LARGE = register(
    "headers_too_large",
    431,
    "The request's headers are larger than this API takes",
    "Send at most 16 KiB of headers.",
)
INTERNAL = register(
    "internal_error", 500, "Something failed on our side", "Try again; if it persists, report the request_id."
)
UNAVAILABLE = register(
    "unavailable", 503, "A part this request needs is not available", "Try again after Retry-After seconds."
)

# -- set-up and operation ---------------------------------------------------------------------------------------------
CONFIGURATION = register(
    "configuration",
    500,
    "The configuration cannot be used",
    "Correct the named variable; `clarivum doctor` lists all of them.",
    Exit.CONFIGURATION,
)
TOOL_MISSING = register(
    "tool_missing",
    500,
    "A program that this command needs is not installed",
    "Install it, or put it on PATH; commands that do not need it work without.",
    Exit.CONFIGURATION,
)
DECLARATION = register(
    "declaration",
    500,
    "A declaration is incomplete",
    "Complete the named declaration; start-up stops until it is.",
    Exit.CONFIGURATION,
)
USAGE = register("usage", 500, "The command was not understood", "See --help.", Exit.USAGE)
REFUSED = register(
    "refused",
    500,
    "Refused for safety",
    "Read what would be lost; repeat with --yes if that is meant.",
    Exit.REFUSED,
)
DATABASE_REFUSED = register(
    "database_refused",
    500,
    "The database refused what a command asked of it",
    "Read the server's message, which names the object; `clarivum doctor` shows login and version.",
    Exit.REFUSED,
)
INVALID_PAYLOAD = register(
    "invalid_payload",
    500,
    "A job was given a payload it does not take",
    "Correct every entry of `errors`; `clarivum jobs list` names each job's payload type.",
    Exit.USAGE,
)
MIGRATION_REFUSED = register(
    "migration_refused",
    500,
    "A migration cannot be applied; nothing was",
    "Correct the named file and line; a file that was applied is never edited, a new one is added.",
    Exit.REFUSED,
)
MIGRATION_FAILED = register(
    "migration_failed",
    500,
    "The database refused a statement of a migration",
    "Correct the named statement and push again; the files before it stay applied, this one left nothing behind.",
    Exit.REFUSED,
)
MIGRATION_LOCKED = register(
    "migration_locked",
    503,
    "A migration did not get its lock in time",
    "Push again at a quieter time; see which session holds the lock in pg_locks and pg_stat_activity.",
    Exit.DEPENDENCY_DOWN,
)
SCHEMA_REFUSED = register(
    "schema_refused",
    500,
    "The declared schema cannot be applied to a scratch database",
    "Correct the named file and line below supabase/schemas; files are applied in the order of their names.",
    Exit.REFUSED,
)
MIGRATION_CROSSES_TEAMS = register(
    "migration_crosses_teams",
    500,
    "A migration changes another team's tables, and no addendum says so; nothing was applied",
    "Run `./clarivum adr new --addendum`, agree on it with the owners, fill it in, and push again.",
    Exit.REFUSED,
)
MIGRATION_UNSAFE = register(
    "migration_unsafe",
    500,
    "A migration would open or destroy something; nothing was applied",
    "Correct each named statement, or waive it in waivers.toml with reason, owner and date.",
    Exit.REFUSED,
)
DEPENDENCY_DOWN = register(
    "dependency_down",
    503,
    "A dependency does not answer",
    "Start it, or correct the variable that names it.",
    Exit.DEPENDENCY_DOWN,
)


class RequestError(ClarivumError):
    """A request that cannot be answered as asked; the answer is a problem document of its code."""

    default = INTERNAL


class ConfigurationError(ClarivumError):
    """A setting that cannot be used. Names the variable, never its value. Exit code 3."""

    default = CONFIGURATION


class DeclarationError(ClarivumError):
    """A route, job, query or table that lacks what the guide asks of it. Stops the start-up. Exit code 3."""

    default = DECLARATION


class UsageError(ClarivumError):
    """A command line that cannot be carried out as written. Exit code 2."""

    default = USAGE


class RefusedError(ClarivumError):
    """An act that would lose or leak something and was not confirmed. Exit code 4."""

    default = REFUSED


class DependencyDownError(ClarivumError):
    """The database, the issuer or the queue does not answer. Exit code 5."""

    default = DEPENDENCY_DOWN
