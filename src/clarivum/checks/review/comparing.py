"""Compare the working tree with an older commit: both sides read in processes of their own, at the same time."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from datetime import date
from pathlib import Path

from clarivum.checks.gate import Reading, follow, read_addenda
from clarivum.checks.review.__main__ import FAILED
from clarivum.checks.review.change import Change, ChangedMigration, changed_migrations, changed_queries, with_plans
from clarivum.checks.review.git import Comparison, Repository
from clarivum.checks.review.side import PLANS, SIDE, WANTED, PlannedQuery, QueryKey, Side, Wanted
from clarivum.checks.sources import package_folder
from clarivum.database.migrations.files import discover
from clarivum.errors import ConfigurationError, DependencyDownError, RefusedError
from clarivum.owners import Owner, parse_owners

Progress = Callable[[str], None]
NOTHING_THERE = '''"""Stands for an application that this commit does not have yet."""

from pathlib import Path

from clarivum.application import Application

{attribute} = Application("none", root=Path(__file__).resolve().parents[{depth}], features=[])
'''
SINGLE_FILES = frozenset({"owners.toml", "waivers.toml", "docs/settings.md", "docs/access-matrix.json"})
SUFFIXES_OF_TESTS = frozenset({".py", ".sql", ".md", ".json", ".toml"})


def compare(
    target: str,
    ref: str | None,
    *,
    today: date,
    environ: Mapping[str, str],
    progress: Progress = lambda step: None,
    postgres: int = 18,
) -> Change:
    """Compare the application `package.module:attribute` in the working tree with where it left `ref`.

    Raises UsageError when there is no git repository or no such commit, ConfigurationError when the head's owners.toml
    or waivers.toml cannot be read, DependencyDownError when a scratch server does not start.
    """
    root = package_folder(target.partition(":")[0].partition(".")[0]).resolve().parent
    repository = Repository(root)
    comparison = repository.compare(ref)
    if not any(_matters(path, target) for _, path in comparison.files):
        return Change(comparison, Side(), Side(), (), "", (), _owners(root), (), (), today)
    with ExitStack() as stack:
        old = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clarivum-base-"))).resolve()
        progress(f"reading {comparison.commit[:9]} and the working tree")
        repository.extract(comparison.commit, old)
        _complete(old, root, target)
        readers = (_Reader(target, folder, today, environ, postgres) for folder in (old, root))
        processes = [stack.enter_context(reader) for reader in readers]
        base, head = _side(processes[0], tolerant=True), _side(processes[1])
        queries = changed_queries(base, head)
        wanted = [(each.query.key, each.query.roles) for each in queries]
        if wanted:
            progress(f"planning {len(wanted)} queries at production size, before and after")
            for process in processes:
                process.ask(wanted)
        plans = [process.plans() if wanted and not process.failed else {} for process in processes]
        migrations, refused = _migrations(old, root)
    return Change(
        comparison=comparison,
        base=base,
        head=head,
        migrations=migrations,
        migrations_refused=refused,
        queries=with_plans(queries, plans[0], plans[1]),
        owners=_owners(root),
        addenda=read_addenda(root),
        untested=tuple(_untested(base, head, repository)),
        today=today,
    )


class _Reader:
    """One side's process. `failed` once it has said that it cannot read the side."""

    def __init__(self, target: str, root: Path, today: date, environ: Mapping[str, str], postgres: int) -> None:
        self.failed = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "clarivum.checks.review", target, str(root), today.isoformat(), str(postgres)],
            cwd=root,
            env={**environ, "PYTHONPATH": _python_path(root, environ), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> "_Reader":
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if exc[0] is not None:
            self._process.terminate()
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def side(self) -> Side | str:
        """What it read, or why it could not."""
        line = self._line()
        if line.startswith(FAILED):
            self.failed = True
            return line[len(FAILED) :].decode(errors="replace").strip()
        return SIDE.validate_json(line)

    def ask(self, wanted: Wanted) -> None:
        """Have queries planned; `plans` waits for the answer."""
        if not self.failed:
            assert self._process.stdin is not None
            self._process.stdin.write(WANTED.dump_json(wanted) + b"\n")
            self._process.stdin.flush()

    def plans(self) -> dict[QueryKey, PlannedQuery]:
        line = self._line()
        if line.startswith(FAILED):
            raise DependencyDownError(line[len(FAILED) :].decode(errors="replace").strip())
        return dict(PLANS.validate_json(line))

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise DependencyDownError("the process that reads the application ended; what it printed stands above")
        return line


def _side(process: _Reader, *, tolerant: bool = False) -> Side:
    found = process.side()
    if isinstance(found, Side):
        return found
    if tolerant:
        return Side(unloaded=(found,), unmigrated=found)
    raise ConfigurationError(found)


def _python_path(root: Path, environ: Mapping[str, str]) -> str:
    """The side's own package before any other of its name; the platform where this process has it from."""
    platform = str(Path(__file__).resolve().parents[3])
    return os.pathsep.join(filter(None, [str(root), platform, environ.get("PYTHONPATH")]))


def _matters(path: str, target: str) -> bool:
    """Whether a file can change what the sides are: pages, tests and tools cannot."""
    package = target.partition(":")[0].partition(".")[0]
    return path in SINGLE_FILES or path.startswith((f"{package}/", "supabase/", "src/", "docs/adr/"))


def _complete(old: Path, root: Path, target: str) -> None:
    """Give an older tree what today's platform cannot read it without: teams, a folder of migrations, a package."""
    try:
        parse_owners((old / "owners.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ConfigurationError):
        if (root / "owners.toml").exists():
            shutil.copyfile(root / "owners.toml", old / "owners.toml")
    (old / "supabase" / "migrations").mkdir(parents=True, exist_ok=True)
    module, _, attribute = target.partition(":")
    parts = module.split(".")
    if not (old / parts[0]).is_dir():
        package = old.joinpath(*parts[:-1])
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        stand_in = NOTHING_THERE.format(attribute=attribute or "application", depth=len(parts) - 1)
        (package / f"{parts[-1]}.py").write_text(stand_in, encoding="utf-8")


def _migrations(old: Path, root: Path) -> tuple[tuple[ChangedMigration, ...], str]:
    """The migrations that differ, and why those of the head cannot be read, if they cannot."""
    before, after = (_texts(folder / "supabase" / "migrations") for folder in (old, root))
    readings: dict[str, Reading] = {}
    refused = ""
    try:
        readings = {str(each.migration): each for each in follow(discover(root / "supabase" / "migrations"))}
    except RefusedError as error:
        refused = error.detail.replace(f"{root}/", "")
    return changed_migrations(before, after, readings), refused


def _texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.glob("*.sql"))}


def _owners(root: Path) -> Mapping[str, Owner]:
    path = root / "owners.toml"
    return parse_owners(path.read_text(encoding="utf-8")) if path.exists() else {}


def _untested(base: Side, head: Side, repository: Repository) -> Iterator[str]:
    """What is new and whose name or path stands in no file below tests/. Nothing where there are no such files."""
    paths = [path for path in repository.files("tests") if path.suffix in SUFFIXES_OF_TESTS]
    if not paths:
        return
    texts = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)
    known = {each.title for each in base.routes} | {each.name for each in base.jobs}
    for route in head.routes:
        fixed = re.split(r"\{", route.path)[0].rstrip("/")
        if route.title not in known and route.name not in texts and fixed not in texts:
            yield f"route {route.title}"
    for job in head.jobs:
        handler = job.name.rpartition(".")[2]
        if job.name not in known and not any(name in texts for name in (job.name, job.payload, handler)):
            yield f"job {job.name}"


__all__ = ["Comparison", "compare"]
