"""`pr`: describe the change for its review."""

import os
import signal
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clarivum.checks.review.comparing import compare
from clarivum.checks.review.description import describe, to_json, to_markdown
from clarivum.cli.db_options import shown
from clarivum.cli.group import group
from clarivum.cli.options import APPLICATION, Application, Postgres
from clarivum.cli.progress import Progress
from clarivum.errors import Exit, UsageError

app = group()


class Form(StrEnum):
    """What `--format` takes here."""

    MARKDOWN = "markdown"
    JSON = "json"


@app.command()
def pr(
    base: Annotated[
        str | None, typer.Option(metavar="REF", help="What to compare with. [origin/main, else main]")
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="markdown or json.")] = Form.MARKDOWN,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it there.")] = None,
    application: Application = APPLICATION,
    postgres: Postgres = 18,
) -> None:
    """Print what the change means for its reviewers, as Markdown for the body of a pull request.

    The working tree, uncommitted changes included, is compared with the commit where it left REF: schema, locks, plans
    of queries, contract, jobs, telemetry, deployment, gaps, and whom to ask. Both are read by this platform, on scratch
    databases. Exit code 1 when the application or its migrations cannot be read; the description says why.
    """
    if output is not None and not output.absolute().parent.is_dir():
        raise UsageError(f"there is no folder to write {output} into")
    # Leave through the `with` blocks, so that both sides' scratch servers and folders go away.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    today = datetime.now(UTC).date()
    with Progress() as progress:
        change = compare(application, base, today=today, environ=os.environ, progress=progress, postgres=postgres)
    description = describe(change)
    text = to_json(description) if form is Form.JSON else to_markdown(description)
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        output.write_text(text, encoding="utf-8")
        typer.echo(f"  wrote {shown(output.absolute())}", err=True)
    if change.head.unloaded or change.head.unmigrated or change.migrations_refused:
        raise typer.Exit(Exit.FINDINGS)
