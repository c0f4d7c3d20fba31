"""`access audit`: what the audit holds, newest first; and the removal of what is older than it is kept."""

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from clarivum.auth.audit import Kind, recorded_subject
from clarivum.auth.audit.event import listed
from clarivum.auth.audit.recorder import queries
from clarivum.cli.durations import seconds_of
from clarivum.cli.jobs_connection import with_database
from clarivum.cli.place import admin_url
from clarivum.cli.terminal import BOLD, DIM, RED, Format, Paint, painter, wants_colour
from clarivum.database import WORKER, Database
from clarivum.database.audit_expiry import forget_audit_events
from clarivum.errors import UsageError
from clarivum.settings import Settings

KINDS: tuple[str, ...] = get_args(Kind)
MAX_EVENTS = 10_000
MAX_SINCE_DAYS = 36_500


def audit(
    *,
    subject: Annotated[str | None, typer.Option(help="Only of this subject, like 'auth0|alice'.")] = None,
    kind: Annotated[str | None, typer.Option(help=f"Only of this kind: {', '.join(KINDS)}.")] = None,
    since: Annotated[str, typer.Option(help="Not older than: 30m, 24h, 7d.")] = "7d",
    limit: Annotated[int, typer.Option(min=1, max=MAX_EVENTS, help="The newest so many.")] = 50,
    forget: Annotated[
        bool, typer.Option("--forget-expired", help="Remove what is older than 400 days, as the migration login.")
    ] = False,
    form: Annotated[Format, typer.Option("--format", help="How the answer is written.")] = Format.TEXT,
    data: Annotated[Path | None, typer.Option(help="The folder that `up` uses. [.clarivum]")] = None,
) -> None:
    """List what happened: sign-ins, refusals, changed roles, revocations, and what staff changed.

    Reads the database of DATABASE_URL, or of the `up` that runs here. Events hold no token, address or payload; a
    subject that holds an e-mail address is stored as a digest, which --subject finds by the address.
    """
    if forget:
        removed = forget_audit_events(admin_url(Settings.load(os.environ), data))
        typer.echo(f"  removed {removed} events older than 400 days", err=True)
    if kind is not None and kind not in KINDS:
        raise UsageError(f"there is no kind {kind!r}: {', '.join(KINDS)}")
    begin = datetime.now(UTC) - timedelta(seconds=seconds_of(since, "--since", most_days=MAX_SINCE_DAYS))

    async def read(database: Database) -> list[dict[str, Any]]:
        session = database.session(WORKER)
        if subject is not None:
            stored = recorded_subject(subject)
            found = await session.many(queries.events_of_subject, subject=stored, since=begin, limit=MAX_EVENTS)
            return [event for event in found if kind in {None, event["kind"]}][:limit]
        if kind is not None:
            return await session.many(queries.events_of_kind, kind=kind, since=begin, limit=limit)
        return await session.many(queries.events_since, since=begin, limit=limit)

    events = with_database(data, read)
    if form is Format.JSON:
        shown = [{**event, "at": event["at"].isoformat().replace("+00:00", "Z")} for event in events]
        sys.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(_lines(events, since, limit, painter(wants_colour()))) + "\n")
    sys.stdout.flush()


def _lines(events: list[dict[str, Any]], since: str, limit: int, paint: Paint) -> Iterator[str]:
    for event in events:
        who = event["subject"] or "somebody unknown"
        roles = listed(event["roles"])
        if event["previous_roles"] is not None:
            roles = f"{listed(event['previous_roles'])} → {roles}"
        times = f" {event['occurrences']}×" if event["occurrences"] > 1 else ""
        kind = paint(RED if event["outcome"] == "refused" else BOLD, f"{event['kind']:<16}")
        where = paint(DIM, " ".join(filter(None, (event["route"], event["trace_id"]))))
        yield f"  {event['at']:%Y-%m-%d %H:%M:%SZ}  {kind}  {event['reason']}{times}  {who} ({roles})  {where}".rstrip()
    more = f"; the newest {limit}, --limit shows more" if len(events) == limit else ""
    yield f"  {len(events)} events in the last {since}{more}"
