"""`bench leaks`: a million interleaved requests of fifty tenants, and whether one row went to another."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from types import ModuleType
from typing import Annotated

import typer

from clarivum.cli.options import Postgres
from clarivum.errors import Exit, UsageError

MILLION = 1_000_000
ENOUGH = 100_000


def leaks_command(benchmarks: Callable[[str], ModuleType], say: Callable[[str], None]) -> Callable[..., None]:
    """The command, given how a module of benchmarks/ is found and where progress goes."""

    def leaks(
        requests: Annotated[int, typer.Option(help="How many.", min=100, max=100_000_000)] = MILLION,
        seed: Annotated[int, typer.Option(help="Of the random choices.", min=0)] = 20_261_126,
        postgres: Postgres = 18,
        write: Annotated[
            bool, typer.Option("--write", help="Keep the result and write it into docs/security.md.")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    ) -> None:
        """Prove that no row of one tenant reaches another, on four database connections.

        Reads, transactions, failures, functions that change their session, backends that are killed; a tenth of the
        requests is given up half-way. Through the whole API in one process, on a scratch database. A million takes
        five to twenty minutes on two cores, as busy as they are. Exit code 1 when a row, role or claim was not the
        caller's.
        """
        if write and requests < ENOUGH:
            raise UsageError(f"--write keeps what at least {ENOUGH:,} requests have shown")
        run = benchmarks("leaks.run")
        result = run.measure(run.Asked(requests, seed, postgres), say)
        if write:
            run.keep(result)
            say("wrote docs/security.md")
        sys.stdout.write(json.dumps(asdict(result), indent=1) if as_json else run.part(result))
        sys.stdout.write("\n")
        sys.stdout.flush()
        for line in (*result.foreign, *result.unexpected):
            say(line)
        if not result.passed:
            raise typer.Exit(Exit.FINDINGS)

    return leaks
