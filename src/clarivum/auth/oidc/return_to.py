"""Where a browser may be sent after a login: a path of our own, whoever reads it and however often it is decoded."""

import re
from urllib.parse import unquote

from clarivum.errors import INVALID_REDIRECT, RequestError

MAX_CHARACTERS = 2_000
MAX_DECODINGS = 5
# RFC 3986: path, query and fragment of a relative reference, percent-encoded where they must be.
_CHARACTER = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})"
_REFERENCE = re.compile(f"/{_CHARACTER}*(?:#{_CHARACTER}*)?")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029\ufeff\u200b-\u200f\u202a-\u202e]|//|/\.{1,2}(?:/|$)")
_OWN_LOGIN = re.compile(r"/auth(?:/|$)", re.IGNORECASE)


def own_path(text: str) -> str:
    """`text`, when it is a path (with query and fragment) on the host it is sent from; `/` for an empty one.

    The path must stay one under repeated decoding: no `//`, backslash, control character, dot segment, or `@` in its
    first segment, and not a path of the login itself. Raises RequestError `invalid_redirect` (400).
    """
    if text == "":
        return "/"
    if len(text) > MAX_CHARACTERS or not _REFERENCE.fullmatch(text):
        raise _refused()
    path = re.split(r"[?#]", text, maxsplit=1)[0]
    for _ in range(MAX_DECODINGS):
        if _UNSAFE.search(path) or "@" in path.split("/")[1] or _OWN_LOGIN.match(path):
            raise _refused()
        decoded = unquote(path, errors="replace")
        if decoded == path:
            return text
        path = decoded
    raise _refused()


def _refused() -> RequestError:
    return RequestError("returnTo must be a path of this site, such as /account?tab=2.", code=INVALID_REDIRECT)
