"""`docs`: write the generated pages."""

from typing import Annotated

import typer

from clarivum.checks.pages.registry import ELSEWHERE, pages
from clarivum.cli.group import group
from clarivum.cli.place import ROOT
from clarivum.errors import Exit

app = group()


@app.command()
def docs(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 when a page would change.")
    ] = False,
) -> None:
    """Write every page of docs/ that is generated from the code, and say which changed."""
    changed = 0
    for page in pages():
        path = ROOT / page.path
        text = page.text()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        changed += 1
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        typer.echo(f"  {'would write' if check else 'wrote'} {page.path}")
    for made, command in ELSEWHERE.items():
        typer.echo(f"  {command} makes {made}")
    typer.echo(f"  {changed} of {len(pages())} pages {'out of date' if check else 'written'}")
    if check and changed:
        raise typer.Exit(Exit.FINDINGS)
