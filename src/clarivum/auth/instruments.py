"""What this package counts and where it logs. Tokens, subjects and emails appear in neither."""

from clarivum.telemetry import counter, get_logger

log = get_logger("clarivum.auth")

TOKENS = counter(
    "clarivum.auth.tokens",
    "Tokens whose signature and claims were checked (those found in the cache are not), by what came of it",
    "{token}",
    ("clarivum.auth.outcome",),
)
SESSIONS = counter(
    "clarivum.auth.sessions",
    "Session cookies that were decrypted (those found in the cache are not), by what came of it",
    "{session}",
    ("clarivum.auth.outcome",),
)
REVOCATIONS = counter(
    "clarivum.auth.revocations",
    "Subjects and sessions that were ended before their time, by why",
    "{revocation}",
    ("clarivum.auth.kind", "clarivum.auth.reason"),
)
LOGINS = counter(
    "clarivum.auth.logins",
    "Logins of our own that came back from the identity provider, by what came of it",
    "{login}",
    ("clarivum.auth.outcome",),
)
REFRESHES = counter(
    "clarivum.auth.refreshes",
    "Access tokens in sessions of our own that were to be renewed, by what came of it",
    "{refresh}",
    ("clarivum.auth.outcome",),
)
ROLES_DROPPED = counter("clarivum.auth.roles.dropped", "Entries of roles claims that name no known role", "{role}")
KEY_FETCHES = counter(
    "clarivum.auth.key.fetches", "Fetches of an issuer's key set", "{fetch}", ("clarivum.auth.outcome",)
)
