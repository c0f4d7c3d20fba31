"""Applications to be checked: copied, given the platform's own migrations and their generated pages, and checked."""

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from clarivum.checks import Facts, Finding, Report, choose, run
from clarivum.checks.access import write_matrix
from clarivum.checks.erd import PAGE, erd_page, erd_parts
from clarivum.checks.pages.registry import pages
from clarivum.clock import SYSTEM_CLOCK

APPLICATIONS = Path(__file__).parent / "applications"
PLATFORM_MIGRATIONS = Path(__file__).parents[3] / "supabase" / "migrations"
TODAY = date(2027, 1, 15)


@dataclass(frozen=True)
class Checked:
    """A checked application: where it is and what was found."""

    root: Path
    report: Report

    def of(self, rule: str) -> list[Finding]:
        """The findings of one rule, in the order of their places."""
        return [finding for finding in self.report.findings if finding.rule == rule]

    def line(self, file: str, text: str) -> int:
        """The number of the line of a file that contains `text`."""
        lines = (self.root / file).read_text(encoding="utf-8").splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)


def copied(name: str, folder: Path) -> Path:
    """Copy `applications/NAME` with the platform's migrations; returns the copy's root."""
    root = folder / name
    shutil.copytree(APPLICATIONS / name, root, ignore=shutil.ignore_patterns("__pycache__"))
    for migration in PLATFORM_MIGRATIONS.glob("*_clarivum_*.sql"):
        shutil.copy(migration, root / "supabase" / "migrations")
    return root


def checked(
    name: str, folder: Path, prepare: Callable[[Path], None] = lambda root: None, rules: Sequence[str] = ()
) -> Checked:
    """Copy `applications/NAME`, write its generated pages, let `prepare` change the copy, and run the rules on it.

    `rules` are chapters or ids, as on the command line; all of them unless told.
    """
    root = copied(name, folder)
    for page in pages():
        path = root / page.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page.text(), encoding="utf-8")
    sys.path.insert(0, str(root))
    try:
        with Facts(f"{name}_backend.app:application", today=TODAY) as facts:
            draw_tables(facts)
            if not rules:
                write_access(facts)
            prepare(root)
            return Checked(root, run(facts, choose(rules), SYSTEM_CLOCK))
    finally:
        sys.path.remove(str(root))
        forget(f"{name}_backend")


def draw_tables(facts: Facts) -> None:
    """Write docs/architecture.md, as `db erd` does, of an application that loads and migrations that apply."""
    if facts.loading.application is not None and facts.migration_refusal is None:
        (facts.root / PAGE).write_text(erd_page(None, erd_parts(facts)), encoding="utf-8")


def write_access(facts: Facts) -> None:
    """Write the access matrix, as `access matrix --write` does, where there is one."""
    if facts.loading.application is not None and facts.access is not None:
        write_matrix(facts.root, facts.access, facts.catalog, facts.places)


def forget(package: str) -> None:
    """Unload a package, so that another copy of it can be loaded."""
    for module in [module for module in sys.modules if module.partition(".")[0] == package]:
        del sys.modules[module]
