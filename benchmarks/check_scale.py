"""How long `check database` takes on our own application and on generated ones, and how that grows with their size.

    ./clarivum bench check [--share 0.25 --share 0.5 --share 1]

Each is a run of the real command in a process of its own, scratch databases included.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.check_application import PACKAGE, Size, write
from benchmarks.harness.report import table
from clarivum.errors import DependencyDownError

ROOT = Path(__file__).resolve().parents[1]
SHARES = (0.25, 0.5, 1.0)
OWN_WITHIN_S = 15.0
FULL_WITHIN_S = 90.0
TIMEOUT_S = 900.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of the check. `cpu_s` is the command's own and that of the programs it waited for."""

    name: str
    tables: int
    queries: int
    migrations: int
    rules: frozenset[str]
    """Of which there were findings."""
    seconds: float
    cpu_s: float


def measure(shares: Sequence[float], say: Callable[[str], None]) -> list[Measured]:
    """Our own application first, then a generated one of each share, the smallest first."""
    measured = [run("our own", ROOT, "bff.app:application", say)]
    for share in sorted(shares):
        with tempfile.TemporaryDirectory(prefix="clarivum-scale-") as name:
            write(Path(name), Size.of(share))
            measured.append(run(f"{share:g} of full", Path(name), f"{PACKAGE}.app:application", say))
    return measured


def growth(smaller: float, larger: float, sizes: tuple[int, int]) -> float:
    """The exponent with which a figure grows from one size to the next: 1 is linear, 2 quadratic."""
    return math.log(larger / smaller) / math.log(sizes[1] / sizes[0])


def summary(measured: Sequence[Measured]) -> str:
    """The figures as Markdown, and whether the aims were met."""
    rows = [
        (
            each.name,
            *(f"{number:,}" for number in (each.tables, each.queries, each.migrations)),
            f"{each.seconds:.1f}",
            f"{each.cpu_s:.1f}",
            f"{1000 * each.seconds / each.queries:.0f}",
        )
        for each in measured
    ]
    head = ("application", "tables", "queries", "migrations", "seconds", "CPU s", "ms per query")
    parts = [table(head, rows)]
    own, *generated = measured
    parts.append(_aim("our own application", own.seconds, OWN_WITHIN_S))
    if generated and generated[-1].tables >= Size.of(1.0).tables:
        parts.append(_aim("300 tables, 1,000 queries, 500 migrations", generated[-1].seconds, FULL_WITHIN_S))
    if len(generated) > 1:
        parts.append(f"growth from size to size, 1 being linear: {_growths(generated)}")
    return "\n\n".join(parts)


def _growths(measured: Sequence[Measured]) -> str:
    """Of the seconds, and of the CPU time, which other work on the machine disturbs less."""
    pairs = [(one, two, (one.queries, two.queries)) for one, two in pairwise(measured)]
    seconds = ", ".join(f"{growth(one.seconds, two.seconds, sizes):.2f}" for one, two, sizes in pairs)
    cpu = ", ".join(f"{growth(one.cpu_s, two.cpu_s, sizes):.2f}" for one, two, sizes in pairs)
    return f"{seconds} in seconds, {cpu} in CPU time"


def _aim(what: str, seconds: float, within_s: float) -> str:
    return f"{what}: {seconds:.1f} s, wanted within {within_s:g} s: {'met' if seconds <= within_s else '**short**'}"


def run(name: str, root: Path, application: str, say: Callable[[str], None]) -> Measured:
    """Run `check database` on one application in a process. Raises DependencyDownError when it does not end well."""
    say(f"checking {name}")
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("CLARIVUM_", "DATABASE_URL"))}
    environ["PYTHONPATH"] = os.pathsep.join([str(root), *filter(None, [environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "clarivum", "check", "database", "--application", application, "--format", "json"]
    before, began = os.times(), time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S, check=False
    )
    seconds, after = time.monotonic() - began, os.times()
    if done.returncode not in {0, 1}:
        raise DependencyDownError(f"check database ended with {done.returncode} for {name}")
    report: dict[str, Any] = json.loads(done.stdout)
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    migrations = len(list((root / "supabase" / "migrations").glob("*.sql")))
    rules = frozenset(str(finding["rule"]) for finding in report["findings"])
    return Measured(name, report["tables"], report["queries"], migrations, rules, seconds, cpu_s)
