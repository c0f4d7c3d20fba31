"""What pending migrations bring into the schema: the rules on tables, policies, functions and indexes are asked.

A scratch database gets the files that are applied already, then the pending ones; what a rule says afterwards and did
not say before is theirs. So a grant on a table of an old file counts, and an old fault does not.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pglast import ast

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.lint.advisors import TOGETHER, Advice, advise, find_cli
from clarivum.checks.lint.refusal import Objection
from clarivum.checks.loading import Loading
from clarivum.checks.registry import RULES
from clarivum.checks.rule import Rule
from clarivum.checks.statements import Names, touches
from clarivum.database.migrations.files import Migration
from clarivum.database.migrations.push import push
from clarivum.database.planning import Scratch
from clarivum.database.schema.supabase_cli import INSTALL
from clarivum.errors import ClarivumError

ADVISOR = "database/advisor"
ASKED = frozenset(
    {
        "database/table-without-rls",
        "database/table-without-force",
        "database/table-without-policy",
        "database/table-with-unsafe-grant",
        "database/default-grant-unsafe",
        "database/view-without-invoker",
        "database/materialized-view-exposed",
        "database/definer-without-search-path",
        "database/definer-owned-by-superuser",
        "database/definer-open-to-public",
        "database/function-leakproof",
        "database/setting-cast-without-nullif",
        "database/session-state",
        "database/policy-without-index",
        "database/policy-call-per-row",
        "database/policy-without-check",
        "database/unique-across-tenants",
        "database/foreign-key-without-index",
        "database/index-duplicate",
        ADVISOR,
    }
)
"""The rules that need nothing but a schema. Owners, row counts and missing grants are left to `check`: they say what is
not finished, not what is wrong."""
NO_APPLICATION = "clarivum:none"
"""Facts are of an application; the rules asked here get by without."""
NOBODY = "the rules on the resulting schema did not look"
ADVISORS = "Supabase's advisors did not look"
Said = dict[tuple[str, str, str], tuple[Rule, Problem]]
"""By rule, subject and message."""


@dataclass(frozen=True, slots=True)
class Look:
    """The outcome. `missed` says who did not look, and why."""

    objections: tuple[Objection, ...] = ()
    missed: tuple[str, ...] = ()


class Advisors:
    """Supabase's, asked twice, where its CLI is installed. `missed`: why they did not look."""

    def __init__(self, root: Path, environ: Mapping[str, str], tell: Callable[[str], None]) -> None:
        self._cli = find_cli(root, environ)
        self._tell = tell
        self.missed = () if self._cli else (f"{ADVISORS}, the Supabase CLI is not installed: {INSTALL}",)

    def __call__(self, url: str) -> tuple[Advice, ...]:
        """What they say of a database; nothing of what only a database in use can show, such as unused indexes."""
        if self._cli is None or self.missed:
            return ()
        self._tell("asking Supabase's advisors")
        try:
            return tuple(advice for advice in advise(self._cli, url) if advice.lint not in TOGETHER)
        except ClarivumError as error:
            self.missed = (f"{ADVISORS}, {error.detail.partition(chr(10))[0]}",)
            return ()


def introduced(
    migrations: Sequence[Migration],
    pending: Sequence[Migration],
    root: Path,
    *,
    today: date,
    environ: Mapping[str, str],
    tell: Callable[[str], None],
) -> Look:
    """What the rules say of the pending ones among a folder's migrations, waived or not. `tell` is told the progress.

    Never raises for what an embedded server cannot do: its programs may be missing, or an extension of the real one.
    """
    if any(isinstance(each.node, ast.CreateSubscriptionStmt) for file in migrations for each in file.statements):
        return Look(missed=(f"{NOBODY}: a migration subscribes to another server, which would be reached",))
    advisors = Advisors(root, environ, tell)
    with tempfile.TemporaryDirectory(prefix="clarivum-pending-") as name:
        try:
            with Facts(NO_APPLICATION, today=today, root=root) as facts:
                facts.loading = Loading(None, ())
                tell("applying the migrations to a scratch database")
                said = _said_before_and_after(facts, advisors, migrations, pending, Path(name))
        except ClarivumError as error:
            reason = error.detail.partition("\n")[0].replace(f"{name}/", "")
            return Look(missed=(f"{NOBODY}: {reason}",))
    return Look(tuple(_objection(rule, problem, pending) for rule, problem in said), advisors.missed)


def _said_before_and_after(
    facts: Facts, advisors: Advisors, migrations: Sequence[Migration], pending: Sequence[Migration], folder: Path
) -> list[tuple[Rule, Problem]]:
    """What is said only once the pending files are applied as well. `folder` is empty."""
    wanted = {migration.version for migration in pending}
    applied = [migration for migration in migrations if migration.version not in wanted]
    with Scratch(folder) as scratch:
        _copy(applied, folder)
        scratch.prepare()
        before = _said(scratch, facts, advisors) if applied else {}
        _copy(pending, folder)
        push(scratch.admin_url, folder)
        after = _said(scratch, facts, advisors)
    return [after[key] for key in after if key not in before]


def _copy(migrations: Sequence[Migration], folder: Path) -> None:
    for migration in migrations:
        shutil.copyfile(migration.path, folder / migration.path.name)


def _said(scratch: Scratch, facts: Facts, advisors: Advisors) -> Said:
    facts.catalog, facts.objects = scratch.read_catalog(), scratch.read_objects()
    facts.advice = advisors(scratch.admin_url)
    rules = [rule for rule in RULES if rule.id in ASKED]
    return {
        (rule.id, problem.subject, problem.message): (rule, problem) for rule in rules for problem in rule.look(facts)
    }


def _objection(rule: Rule, problem: Problem, pending: Sequence[Migration]) -> Objection:
    migration, line, excerpt = _place(problem, pending)
    message = f"{problem.subject}: {problem.message}"
    return Objection(rule.id, problem.subject, migration, line, excerpt, message, problem.fix or rule.fix)


def _place(problem: Problem, pending: Sequence[Migration]) -> tuple[Migration, int, str]:
    """Where the rule says, if that is a pending file; else the last pending statement that touches the object."""
    for migration in pending:
        if migration.path.name == Path(problem.file).name:
            within = [each for each in migration.body if each.line <= problem.line]
            statement = within[-1] if within else migration.body[0]
            return migration, problem.line, statement.excerpt
    touching = [
        (migration, statement.line, statement.excerpt)
        for migration in pending
        for statement in migration.body
        if any(_is_of(problem.subject, touch.object) for touch in touches(statement.node, Names()))
    ]
    first = pending[0].body[0]
    return touching[-1] if touching else (pending[0], first.line, first.excerpt)


def _is_of(subject: str, name: str) -> bool:
    """Whether a subject is an object or part of one: `public.leads.leads_read` of `public.leads`."""
    return subject == name or subject.startswith((f"{name}.", f"{name}("))
