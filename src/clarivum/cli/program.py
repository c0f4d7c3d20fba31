"""`./clarivum`: finds the command's file, runs it, and turns every failure into one message and an exit code.

A command's module is imported only when that command runs, so `token` does not pay for `check`.
"""

import difflib
import importlib
import sys
from dataclasses import dataclass
from typing import Annotated

import typer
import typer.main
from typer import _click
from typer.core import TyperGroup

from clarivum import __version__
from clarivum.cli.group import group
from clarivum.cli.parent import end_with_parent
from clarivum.errors import ClarivumError


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives: a module of this package with a Typer `app`."""

    module: str
    help: str


COMMANDS = {
    "up": Entry("up", "Run the whole backend on this machine, until Ctrl-C."),
    "test": Entry("test", "Run the whole test suite, with lint, types and the import rules."),
    "check": Entry("check", "Hold the application against the guide's rules."),
    "doctor": Entry("doctor", "List settings, versions and what can be reached, with what to do."),
    "token": Entry("token", "Print an access token of the development identity stand-in."),
    "access": Entry("access", "Try who may do what; explain what a token may do."),
    "jobs": Entry("jobs", "List, show, enqueue, work and redrive background jobs."),
    "db": Entry("db", "Apply migrations, compare schemas, plan queries, draw the tables, serve a database."),
    "adr": Entry("adr", "Write decision records and addenda."),
    "pr": Entry("pr", "Describe the change for its review, as Markdown."),
    "docs": Entry("docs", "Write the generated pages."),
    "bench": Entry("bench", "Measure requests and jobs side by side with peers."),
    "serve": Entry("serve", "Run one API process."),
    "identity": Entry("identity", "Run the development identity stand-in."),
}


class LazyGroup(TyperGroup):
    """A group whose commands are loaded when they are asked for."""

    def list_commands(self, ctx: _click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: _click.Context, cmd_name: str) -> _click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(f"clarivum.cli.{entry.module}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: _click.Context, formatter: _click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def resolve_command(
        self, ctx: _click.Context, args: list[str]
    ) -> tuple[str | None, _click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            nearest = difflib.get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {nearest[0]!r}?" if nearest else ""))
        return super().resolve_command(ctx, args)


program = group(
    cls=LazyGroup,
    no_args_is_help=True,
    help="Clarivum's backend guide as software. Start with `up`; `COMMAND --help` explains each.",
)


@program.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.", is_eager=True)] = False,
    ends_with: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    if ends_with is not None:
        end_with_parent(ends_with)
    if version:
        typer.echo(f"clarivum {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line of this process and end it with the documented exit code."""
    try:
        program(prog_name="./clarivum")
    except ClarivumError as error:
        typer.echo(f"clarivum: {error.detail}", err=True)
        if error.code.remedy:
            typer.echo(f"  fix   {error.code.remedy}", err=True)
        sys.exit(error.code.exit)
