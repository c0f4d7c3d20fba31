"""`db plan`: what Postgres will do for each declared query at production size."""

import difflib
import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from clarivum.checks.facts import ALL_ROLES
from clarivum.checks.plans import Outcome, read_plans
from clarivum.cli.db_options import Form
from clarivum.cli.options import APPLICATION, Application, Postgres
from clarivum.cli.plan_report import as_document, as_text
from clarivum.cli.scratch_facts import require_usable, scratch_facts
from clarivum.cli.terminal import Format, wants_colour
from clarivum.database import Query
from clarivum.errors import Exit, UsageError


def plan(
    query: Annotated[str | None, typer.Argument(metavar="QUERY", help="A name of a queries.sql. [all]")] = None,
    *,
    role: Annotated[
        str | None,
        typer.Option(help="Plan under this database role. [those that its routes and jobs run it under]"),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit code 1 when a plan is a finding.")] = False,
    application: Application = APPLICATION,
    postgres: Postgres = 18,
    form: Form = Format.TEXT,
) -> None:
    """Print the plan of each declared query, or of the one named, at production size, with what carries it.

    Planned on a scratch database with all migrations, under the query's role and policies, on empty tables that look
    as large as their comments declare (`rows: 2_000_000`; else ten million): the worst of its roles and optional
    filters is shown. All numbers are the planner's estimates. An index that is proposed was made there, and the query
    planned again with it.
    """
    if role is not None and role not in ALL_ROLES:
        raise UsageError(f"there is no database role {role!r}{_nearest(role, sorted(ALL_ROLES))}")
    with scratch_facts(application, postgres) as facts:
        require_usable(facts)
        plans = read_plans(facts, _chosen(facts.queries, query), role or "")
        catalog = facts.catalog
    if form is Format.JSON:
        document = as_document(plans, catalog)
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(as_text(plans, catalog, colour=wants_colour()))
    sys.stdout.flush()
    if check and any(each.outcome not in {Outcome.CARRIED, Outcome.INDEX_PLAN} for each in plans):
        raise typer.Exit(Exit.FINDINGS)


def _chosen(queries: Sequence[Query], name: str | None) -> tuple[Query, ...]:
    """All, or those of this name: two features may each have one."""
    found = tuple(query for query in queries if name is None or query.name == name)
    if name is not None and not found:
        raise UsageError(f"no queries.sql declares a query {name!r}{_nearest(name, [each.name for each in queries])}")
    return found


def _nearest(name: str, names: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""
