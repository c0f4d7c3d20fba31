"""`jobs types`: the payloads of the jobs as files that other languages and the next version of the code can read."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from clarivum.application import load_application
from clarivum.cli.place import APPLICATION
from clarivum.errors import RefusedError
from clarivum.jobs import Job
from clarivum.jobs.committed import Committed, read_folder, wanted

Target = Annotated[str, typer.Option("--application", help="module:attribute of the application.")]


def types(
    application: Target = APPLICATION,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a file would change.")] = False,
) -> None:
    """Write the payload schemas of all jobs to clients/payloads/.

    Refuses a change that messages already in a queue would fail: raise the payload's schema_version and give an upcast.
    """
    loaded = load_application(application)
    committed = read_folder(loaded.root)
    files = [wanted(job, committed.get(name)) for name, job in loaded.jobs.items()]
    _refuse_incompatible(loaded.jobs, committed)
    stale = [file for file in files if file != committed.get(file.job)]
    for file in stale:
        typer.echo(f"  {'would write' if check else 'wrote'} {file.path}")
        if not check:
            _write(loaded.root / file.path, file.text())
    if not stale:
        typer.echo(f"  {len(files)} payload {'schema is' if len(files) == 1 else 'schemas are'} up to date")
    elif check:
        sys.exit(1)


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
