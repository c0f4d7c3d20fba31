"""`access explain`: why a token may or may not call a route, or use a table."""

import asyncio
import json
import os
import sys
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from clarivum import telemetry
from clarivum.auth.explanation import Step, TokenExplanation, explain_token
from clarivum.auth.fetch import fetch_document
from clarivum.auth.issuer_keys import Fetch
from clarivum.auth.revocation import Revocations
from clarivum.auth.standin import StandIn
from clarivum.auth.standin.issuing import KEY_FILE
from clarivum.checks import Facts
from clarivum.checks.access.explanation import Credentials, caller_steps, parse_table, route_steps, table_steps
from clarivum.cli.options import APPLICATION, Application, Postgres
from clarivum.cli.place import Running, data_folder, database_url
from clarivum.cli.progress import Progress
from clarivum.cli.terminal import BOLD, DIM, GREEN, RED, Format, Paint, painter, wants_colour
from clarivum.cli.token_file import read_token
from clarivum.clock import SYSTEM_CLOCK
from clarivum.database import Database
from clarivum.errors import ConfigurationError, DependencyDownError, Exit, UsageError
from clarivum.settings import Settings

MARKS = {True: (GREEN, "✓"), False: (RED, "✗"), None: (DIM, "·")}


@dataclass(frozen=True, slots=True)
class Section:
    """Steps under a heading."""

    title: str
    steps: tuple[Step, ...]


def explain(
    *,
    token: Annotated[str, typer.Option(help="A file that holds the token; - reads standard input.", metavar="FILE|-")],
    route: Annotated[str | None, typer.Option(help="A route, like 'GET /api/v1/entitlements'.")] = None,
    table: Annotated[
        str | None, typer.Option(help="A table, like public.leads, or one verb on it, like public.leads:select.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How the answer is written.")] = Format.TEXT,
    application: Application = APPLICATION,
    data: Annotated[Path | None, typer.Option(help="The folder that `up` uses. [.clarivum]")] = None,
    postgres: Postgres = 18,
) -> None:
    """Say step by step why a token may, or may not, call a route or use a table.

    The token is verified against the issuer of the settings, or the development stand-in, and against what was revoked
    in the database of DATABASE_URL, or of the `up` that runs here. Then guard, second factor and policies are tried on
    a scratch database, with rows made for the occasion. Exit code 0 when it may, 1 when it may not, 2 when the question
    cannot be understood. Neither the token nor an address in it is printed.
    """
    if route is not None and table is not None:
        raise UsageError("ask about --route or --table, one at a time")
    if table is not None:
        parse_table(table)
    text = read_token(token)
    settings, fetch = _issuer(data)
    quiet = settings.model_copy(update={"log_level": "error", "telemetry_disabled": True, "otlp_endpoint": None})
    telemetry.configure(quiet, role="cli")
    explained = asyncio.run(_explained(text, settings, fetch, data))
    sections = [Section("Token", explained.steps)]
    if explained.principal is not None:
        principal = explained.principal
        sections.append(Section("Caller", tuple(caller_steps(principal))))
        if route is not None or table is not None:
            with _facts(application, postgres) as facts:
                if route is not None:
                    steps = route_steps(facts, Credentials(text, principal, settings, fetch), route)
                else:
                    steps = table_steps(facts, principal, table or "")
            sections.append(Section(route or table or "", tuple(steps)))
    allowed = sections[-1].steps[-1].passed is not False
    if form is Format.JSON:
        sys.stdout.write(json.dumps(_document(sections, allowed=allowed), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(_lines(sections, painter(wants_colour()))) + "\n")
    sys.stdout.flush()
    if not allowed:
        raise typer.Exit(Exit.FINDINGS)


async def _explained(token: str, settings: Settings, fetch: Fetch, data: Path | None) -> TokenExplanation:
    """With what was revoked, if there is a database that says so."""
    revocations = None
    async with AsyncExitStack() as opened:
        with suppress(DependencyDownError, ConfigurationError):
            url = database_url(settings, data)
            database = Database(url, pipelines=1, connections=1, application_name="clarivum access")
            revocations = Revocations(await opened.enter_async_context(database))
        return await explain_token(token, settings, fetch, SYSTEM_CLOCK, revocations)


def _issuer(data: Path | None) -> tuple[Settings, Fetch]:
    """The settings, and where keys come from: a stand-in that is not running is asked for its key file."""
    folder = data_folder(data)
    running = Running.read(folder)
    environ = dict(os.environ)
    if running and running.identity_url:
        environ.setdefault("CLARIVUM_IDENTITY_URL", running.identity_url)
    settings = Settings.load(environ)
    if not settings.uses_stand_in or not (folder / KEY_FILE).exists():
        return settings, fetch_document
    stand_in = StandIn(settings, folder)

    async def fetch(url: str) -> bytes:
        own = url.startswith(stand_in.issuer)
        return json.dumps(stand_in.key_set()).encode() if own else await fetch_document(url)

    return settings, fetch


def _facts(application: str, postgres: int) -> Facts:
    """Raises ConfigurationError when the application does not load or its migrations are refused."""
    today = datetime.now(UTC).date()
    facts = Facts(application, today=today, progress=Progress(), postgres=postgres, environ=os.environ)
    problems = [*facts.loading.refusals, *([facts.migration_refusal] if facts.migration_refusal else [])]
    if problems:
        with facts:
            first = problems[0]
            raise ConfigurationError(f"{first.file}:{first.line}: {first.message}; ./clarivum check names all of it")
    return facts


def _document(sections: Iterable[Section], *, allowed: bool) -> dict[str, Any]:
    return {
        "allowed": allowed,
        "sections": [
            {
                "title": section.title,
                "steps": [
                    {"name": step.name, "passed": step.passed, "detail": step.detail, "reason": step.reason}
                    for step in section.steps
                ],
            }
            for section in sections
        ],
    }


def _lines(sections: Iterable[Section], paint: Paint) -> Iterable[str]:
    for section in sections:
        yield paint(BOLD, section.title)
        wide = max(len(step.name) for step in section.steps)
        for step in section.steps:
            code, mark = MARKS[step.passed]
            yield f"  {paint(code, mark)} {step.name:<{wide}}  {step.detail}"
