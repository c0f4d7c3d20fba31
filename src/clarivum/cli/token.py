"""`token`: an access token of the development identity stand-in."""

import os
from pathlib import Path
from typing import Annotated

import typer

from clarivum.auth.cookies import SessionCookies
from clarivum.auth.standin import StandIn
from clarivum.cli.durations import seconds_of
from clarivum.cli.group import group
from clarivum.cli.kept_secret import AUTH_SECRET_FILE, kept_secret
from clarivum.cli.place import Running, data_folder
from clarivum.clock import SYSTEM_CLOCK
from clarivum.settings import Settings

app = group()

MAX_LIFETIME_DAYS = 30


@app.command()
def token(  # noqa: PLR0917 - each is an option of the command
    role: Annotated[list[str] | None, typer.Option(help="A role of the caller; may be repeated.")] = None,
    sub: Annotated[str, typer.Option(help="The caller's subject, like 'auth0|alice'.")] = "auth0|alice",
    email: Annotated[str | None, typer.Option(help="The caller's address.")] = None,
    expires: Annotated[str, typer.Option(help="Lifetime: 90s, 15m, 1h, 7d.")] = "1h",
    mfa: Annotated[
        bool | None, typer.Option("--mfa/--no-mfa", help="Signed in with a second factor. [as staff roles need it]")
    ] = None,
    session: Annotated[
        bool,
        typer.Option(
            "--session", help="Print a session cookie that holds it, sealed with AUTH_SECRET. [the one of `up`]"
        ),
    ] = False,
    data: Annotated[Path | None, typer.Option(help="The folder that `up` uses. [.clarivum]")] = None,
) -> None:
    """Print an access token of the stand-in, for `authorization: Bearer …`; with --session for `cookie: …`.

    Exists only where no AUTH0_DOMAIN is set, and not in production.
    """
    folder = data_folder(data)
    running = Running.read(folder)
    environment = dict(os.environ)
    if running and running.identity_url:
        environment.setdefault("CLARIVUM_IDENTITY_URL", running.identity_url)
    if session and not Settings.load(environment).auth_secrets and (folder / AUTH_SECRET_FILE).is_file():
        environment["AUTH_SECRET"] = kept_secret(folder / AUTH_SECRET_FILE)
    settings, lifetime = Settings.load(environment), seconds_of(expires, "--expires", most_days=MAX_LIFETIME_DAYS)
    issued = StandIn(settings, folder).issue(sub, role or ["member"], email, lifetime, mfa=mfa)
    typer.echo(_session_cookie(settings, sub, issued, lifetime) if session else issued)


def _session_cookie(settings: Settings, subject: str, access_token: str, max_age_s: int) -> str:
    """A Cookie header's value, as a browser sends it that signed in at a front end with Auth.js.

    Raises ConfigurationError without AUTH_SECRET.
    """
    cookies = SessionCookies(settings.auth_secrets, secure=settings.is_served_over_tls)
    now = SYSTEM_CLOCK.now().timestamp()
    written = cookies.write({"sub": subject, "access_token": access_token}, now=now, max_age_s=max_age_s)
    return "; ".join(cookie.partition(";")[0] for cookie in written)
