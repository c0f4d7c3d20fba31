"""`jobs template`: what the jobs need on AWS, as a file."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from clarivum.application import load_application
from clarivum.cli.options import APPLICATION, Application


def template(
    *,
    output: Annotated[
        Path | None, typer.Option(help="Where to write it; - is standard output. [infra/template.yaml]")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when the file would change.")] = False,
    application: Application = APPLICATION,
) -> None:
    """Write an AWS SAM template for the jobs: queues, functions, schedules, alarms, roles.

    A job whose timeout_s fits into no function gets its queues alone and is named: a worker has to run it. What AWS
    would refuse of a declaration is refused (exit 3), naming the job.
    """
    from clarivum.jobs.infrastructure import (  # noqa: PLC0415 - the other commands need none of it
        PATH,
        TOO_LONG,
        left_to_workers,
        template_text,
    )

    loaded = load_application(application)
    text = template_text(loaded.jobs, application)
    if output == Path("-"):
        sys.stdout.write(text)
        return
    path = output or loaded.root / PATH
    shown = output or PATH
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        typer.echo(f"  {shown} is up to date, {len(loaded.jobs)} jobs")
    elif check:
        typer.echo(f"  {shown} would change; `clarivum jobs template` writes it")
        sys.exit(1)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        typer.echo(f"  wrote {shown}, {len(loaded.jobs)} jobs")
    for name in left_to_workers(loaded.jobs):
        typer.echo(f"  no function for {name}: {TOO_LONG}")
