"""Session cookies of Auth.js v5 and NextAuth v4, read and written as those packages do.

A cookie is only the envelope: it proves nothing until the access token inside it is verified.
"""

from clarivum.auth.cookies.header import Cookie, parse_cookies
from clarivum.auth.cookies.refusal import SessionReason, SessionRefusedError
from clarivum.auth.cookies.sessions import SessionCookies
from clarivum.auth.cookies.token import SessionToken

__all__ = ["Cookie", "SessionCookies", "SessionReason", "SessionRefusedError", "SessionToken", "parse_cookies"]
