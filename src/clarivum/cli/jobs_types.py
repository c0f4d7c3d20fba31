"""`jobs types`: the payloads of the jobs as files that other languages and the next version of the code can read."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from clarivum.application import load_application
from clarivum.cli.options import APPLICATION, Application
from clarivum.errors import RefusedError
from clarivum.jobs import Job
from clarivum.jobs.committed import Committed, read_folder, wanted


def types(
    application: Application = APPLICATION,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a file would change.")] = False,
) -> None:
    """Write the payload schemas of all jobs to clients/payloads/, and the client of a Next.js server to
    clients/typescript/: types, Zod schemas, an enqueue helper.

    Refuses a change that messages already in a queue would fail: raise the payload's schema_version and give an upcast.
    Refuses a payload (exit 3) whose verdict in TypeScript could differ from the worker's, naming the field.
    """
    from clarivum.jobs.typescript import client_files, notes  # noqa: PLC0415 - the other commands need none of it

    loaded = load_application(application)
    committed = read_folder(loaded.root)
    files = [wanted(job, committed.get(name)) for name, job in loaded.jobs.items()]
    _refuse_incompatible(loaded.jobs, committed)
    stale = {str(file.path): file.text() for file in files if file != committed.get(file.job)}
    client = client_files(loaded.jobs)
    stale |= {path: text for path, text in client.items() if _read(loaded.root / path) != text}
    for path, text in stale.items():
        typer.echo(f"  {'would write' if check else 'wrote'} {path}")
        if not check:
            _write(loaded.root / path, text)
    for note in notes(loaded.jobs):
        typer.echo(f"  note: {note}")
    if not stale:
        schemas = f"{len(files)} payload {'schema' if len(files) == 1 else 'schemas'}"
        typer.echo(f"  {schemas} and {len(client)} files of the TypeScript client are up to date")
    elif check:
        sys.exit(1)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _refuse_incompatible(jobs: dict[str, Job[Any]], committed: dict[str, Committed]) -> None:
    from clarivum.checks.payloads import incompatibilities  # noqa: PLC0415 - the other commands of `jobs` need no checks

    reasons = [
        f"{name} ({job.file}:{job.line}): {objection}"
        for name, job in jobs.items()
        if name in committed
        for objection in incompatibilities(job, committed[name])
    ]
    if reasons:
        raise RefusedError("\n  ".join(["queued messages would be lost; nothing was written", *reasons]))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
