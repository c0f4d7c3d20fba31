"""Which cookies carry a session, and how one that is too large for a cookie lies in several.

Auth.js v5 cuts a value at 3,936 characters, NextAuth v4 at 3,933 (4,096 less what an empty cookie takes), and names the
parts `<name>.0`, `<name>.1`, … Both join whatever begins with the name, sorted by a lenient parseInt; this reader joins
only `<name>.<number>`, numbered from 0 without a gap, and refuses what could be read in two ways.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from clarivum.auth.cookies.header import Cookie
from clarivum.auth.cookies.refusal import SessionReason, SessionRefusedError

Format = Literal["authjs", "nextauth"]

CHUNK_CHARACTERS = 3_936
MAX_CHUNKS = 64
MAX_CHARACTERS = 32_768
PREFIXES = ("__Host-", "__Secure-", "")
SESSION_COOKIES: dict[Format, str] = {"authjs": "authjs.session-token", "nextauth": "next-auth.session-token"}
MARK = b".session-token"
"""Where it does not occur in a Cookie header, there is no session in it."""

_SESSION_NAME = re.compile(r"((?:__Host-|__Secure-)?(?:authjs|next-auth)\.session-token)(?:\.([0-9]+))?")


@dataclass(frozen=True, slots=True)
class SessionName:
    """A name that a session may have. The name is part of the key, so each has a key of its own."""

    name: str
    format: Format


def session_names(*, secure: bool) -> tuple[SessionName, ...]:
    """Every accepted name, the preferred first: v5 before v4, the stricter prefix before the weaker.

    `secure` leaves only prefixed names, which a browser takes over TLS alone: others could be planted from plain HTTP.
    """
    return tuple(
        SessionName(prefix + name, format)
        for format, name in SESSION_COOKIES.items()
        for prefix in PREFIXES
        if prefix or not secure
    )


def find_session(cookies: Iterable[Cookie], names: Iterable[SessionName]) -> tuple[SessionName, str] | None:
    """The session among a request's cookies: the first of `names` that is there, its chunks joined.

    None when there is none. Raises SessionRefusedError for a name that occurs twice, a session that is there whole and
    in chunks, chunks that are not numbered 0, 1, 2, …, and more than MAX_CHARACTERS.
    """
    parts: dict[str, list[tuple[str | None, str]]] = {}
    for name, value in cookies:
        match = _SESSION_NAME.fullmatch(name)
        if match is not None:
            parts.setdefault(match[1], []).append((match[2], value))
    for session_name in names:
        if session_name.name in parts:
            return session_name, _joined(parts[session_name.name])
    return None


def split(name: str, value: str) -> list[Cookie]:
    """The cookies that carry `value`, cut where Auth.js v5 cuts."""
    if len(value) <= CHUNK_CHARACTERS:
        return [(name, value)]
    return [
        (f"{name}.{number}", value[start : start + CHUNK_CHARACTERS])
        for number, start in enumerate(range(0, len(value), CHUNK_CHARACTERS))
    ]


def session_cookies_in(names: Iterable[str]) -> list[str]:
    """Those of `names` that name a session or a chunk of one, each once."""
    return list(dict.fromkeys(name for name in names if _SESSION_NAME.fullmatch(name)))


def _joined(parts: Sequence[tuple[str | None, str]]) -> str:
    if len(parts) == 1 and parts[0][0] is None:
        return _bounded(parts[0][1])
    if len(parts) > MAX_CHUNKS:
        raise SessionRefusedError(SessionReason.TOO_LARGE, f"more than {MAX_CHUNKS} cookies")
    chunks = dict(parts)
    if len(chunks) != len(parts):
        raise SessionRefusedError(SessionReason.AMBIGUOUS, "a cookie's name occurs twice")
    if None in chunks:
        raise SessionRefusedError(SessionReason.AMBIGUOUS, "the session is there whole and in chunks")
    values = [chunks.get(str(number)) for number in range(len(chunks))]
    if not all(values):
        raise SessionRefusedError(SessionReason.CHUNKS, "the chunks are not 0, 1, 2, …, or one is empty")
    return _bounded("".join(value for value in values if value))


def _bounded(value: str) -> str:
    if len(value) > MAX_CHARACTERS:
        raise SessionRefusedError(SessionReason.TOO_LARGE, f"more than {MAX_CHARACTERS} characters")
    return value
