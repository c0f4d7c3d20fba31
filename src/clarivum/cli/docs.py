"""`docs`: write the generated pages."""

from typing import Annotated

import typer

from clarivum.application import load_application
from clarivum.checks.pages.job_pages import job_pages
from clarivum.checks.pages.registry import ELSEWHERE, pages
from clarivum.cli.group import group
from clarivum.cli.options import APPLICATION, Application
from clarivum.cli.place import ROOT
from clarivum.errors import Exit
from clarivum.owners import parse_owners

app = group()


@app.command()
def docs(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 when a page would change.")
    ] = False,
    application: Application = APPLICATION,
) -> None:
    """Write every page of docs/ that is generated from the code, and say which changed."""
    changed = 0
    wanted = {page.path: page.text() for page in pages()} | _job_pages(application)
    for name, text in wanted.items():
        path = ROOT / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        changed += 1
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        typer.echo(f"  {'would write' if check else 'wrote'} {name}")
    for made, command in ELSEWHERE.items():
        typer.echo(f"  {command} makes {made}")
    typer.echo(f"  {changed} of {len(wanted)} pages {'out of date' if check else 'written'}")
    if check and changed:
        raise typer.Exit(Exit.FINDINGS)


def _job_pages(application: str) -> dict[str, str]:
    """The pages that tell of the application's jobs."""
    owners = parse_owners((ROOT / "owners.toml").read_text(encoding="utf-8"))
    return job_pages(load_application(application).jobs, owners, ROOT)
