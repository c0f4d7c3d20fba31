"""The page on which somebody chooses whom to be. Plain HTML: no script, nothing from elsewhere."""

from collections.abc import Mapping
from html import escape

from clarivum.auth.roles import ROLES
from clarivum.auth.standin.answers import Answer
from clarivum.auth.standin.authorization import AuthorizationRequest

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 30rem; margin: 3rem auto; padding: 0 1rem; }
label { display: block; margin: .4rem 0; }
input[name=subject] { font: inherit; width: 100%; box-sizing: border-box; padding: .3rem; }
fieldset { margin: 1rem 0; border: 1px solid #8886; }
button { font: inherit; padding: .4rem 1.2rem; }
"""
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
}


def sign_in_page(request: AuthorizationRequest, parameters: Mapping[str, str]) -> Answer:
    """A form that sends the client's parameters back with the choice."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in parameters.items()
    )
    roles = "".join(
        f'<label><input type="checkbox" name="role_{role}"{" checked" if role == "member" else ""}> '
        f"<b>{role}</b> {escape(about)}</label>"
        for role, about in ROLES.items()
    )
    asked = "<p>A second factor was asked for.</p>" if request.mfa else ""
    html = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in (development)</title><style>{_STYLE}</style></head><body><main>
<h1>Whom do you want to be?</h1>
<p>Clarivum's identity stand-in, for development on this machine: there are no passwords here.</p>
<form method="post" action="/authorize">{hidden}
<label>Subject <input name="subject" value="auth0|alice" maxlength="255" required></label>
<fieldset><legend>Roles</legend>{roles}</fieldset>
{asked}<label><input type="checkbox" name="mfa"{" checked" if request.mfa else ""}> with a second factor</label>
<p><button name="act" value="enter">Sign in</button> <button name="act" value="decline">Decline</button></p>
</form></main></body></html>
"""
    return Answer(200, html, _HEADERS, media_type="text/html")
