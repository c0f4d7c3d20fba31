"""Everything that rules look at, read when the first rule asks for it and once only.

Reading the sources takes milliseconds, the database a second; so `check docs` starts no server.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from functools import cached_property
from pathlib import Path

from clarivum.application import Application
from clarivum.checks import declarations, platform_queries
from clarivum.checks.access import AccessMatrix, try_access
from clarivum.checks.declarations import Declaration
from clarivum.checks.finding import Problem
from clarivum.checks.gate import Addendum, Reading, author_in, follow, owner_at, read_addenda
from clarivum.checks.lint.advisors import Advice, advise, find_cli, not_looked
from clarivum.checks.lint.judgement import Defect, judge_set
from clarivum.checks.lint.squawk import Squawk, run_squawk
from clarivum.checks.loading import PLACE, Loading, load, without_place
from clarivum.checks.migrations_text import Place, read_places
from clarivum.checks.sources import Source, keyword, package_folder, read_sources, shown, text
from clarivum.checks.telemetry_drive import Exported, drive
from clarivum.checks.usage import Usage, read_usage
from clarivum.checks.waivers import FILE as WAIVERS_FILE
from clarivum.checks.waivers import Waiver, parse_waivers
from clarivum.database import Query
from clarivum.database.migrations.files import Migration, discover
from clarivum.database.migrations.push import Progress as PushProgress
from clarivum.database.migrations.push import Step
from clarivum.database.planning import Catalog, Description, Objects, Planner, Scratch, Verdict
from clarivum.database.queries import decode_queries
from clarivum.database.query_syntax import query_file_faults
from clarivum.errors import ConfigurationError, DeclarationError, RefusedError
from clarivum.jobs.committed import Committed, read_folder
from clarivum.owners import Owner, parse_owners

Progress = Callable[[str], None]
TOLD_EVERY = 100
ALL_ROLES = frozenset({"anon", "authenticated", "clarivum_staff", "clarivum_worker"})


class Facts:
    """The facts of one application, `target` being `package.module:attribute`. Close it: it holds a scratch server.

    `root` is the folder with owners.toml, waivers.toml, supabase/ and docs/; by default the one that holds the package.
    `progress` is told what is being read. `postgres` is the version of the scratch server. Of `environ` only what
    switches telemetry is read.
    """

    def __init__(
        self,
        target: str,
        *,
        today: date,
        root: Path | None = None,
        progress: Progress = lambda step: None,
        postgres: int = 18,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.target = target
        self.package = target.partition(":")[0].partition(".")[0]
        self.folder = package_folder(self.package).resolve()
        self.root = (root or self.folder.parent).resolve()
        self.today = today
        self.used_waivers: set[Waiver] = set()
        self.judged: frozenset[str] = frozenset()
        """Ids of the rules of this run, which the runner sets; `rule_ids` of all there are."""
        self.rule_ids: frozenset[str] = frozenset()
        self.notes: dict[str, None] = {}
        """What a rule could not look at, in the order it was met; told in the report."""
        self._progress = progress
        self._postgres = postgres
        self._environ = environ or {}
        self._open = ExitStack()

    def __enter__(self) -> "Facts":
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    def note(self, text: str) -> None:
        """Say in the report what could not be looked at, with its place; each text once."""
        self.notes[text] = None

    def not_judged(self, rule_id: str) -> None:
        """Say that a rule of this run did not look: what it would have found is not known."""
        self.judged -= {rule_id}

    def known(self, fact: str) -> bool:
        """Whether a fact was read already, so that one can count without reading."""
        return fact in vars(self)

    # -- the sources ---------------------------------------------------------------------------------------------------
    @cached_property
    def _parsed(self) -> tuple[tuple[Source, ...], tuple[Problem, ...]]:
        return read_sources(self.package, self.folder, self.root)

    @property
    def sources(self) -> tuple[Source, ...]:
        return self._parsed[0]

    @cached_property
    def routes(self) -> tuple[Declaration, ...]:
        """Routes as written, served or not."""
        return declarations.routes(self.sources)

    @cached_property
    def jobs(self) -> tuple[Declaration, ...]:
        """Jobs as written, registered or not."""
        return declarations.jobs(self.sources)

    @cached_property
    def features(self) -> tuple[Declaration, ...]:
        return declarations.features(self.sources)

    @cached_property
    def owners(self) -> Mapping[str, Owner]:
        """The teams of owners.toml. Raises ConfigurationError."""
        try:
            return parse_owners((self.root / "owners.toml").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigurationError(f"owners.toml is missing in {self.root}") from None

    @cached_property
    def waivers(self) -> tuple[Waiver, ...]:
        """The waivers of waivers.toml; none when there is no such file. Raises ConfigurationError."""
        path = self.root / WAIVERS_FILE
        return parse_waivers(path.read_text(encoding="utf-8")) if path.exists() else ()

    @cached_property
    def _slices(self) -> Mapping[Path, str]:
        """The folder of each feature and its team."""
        return {each.source.path.parent: text(keyword(each.call, "owner")) or "" for each in self.features}

    def team_of(self, file: str) -> str:
        """The team that owns a file of the application; the platform's where no feature does."""
        path = self.root / file
        for parent in path.parents:
            team = self._slices.get(parent)
            if team in self.owners:
                return str(team)
        return "platform"

    # -- the application -----------------------------------------------------------------------------------------------
    @cached_property
    def loading(self) -> Loading:
        self._progress("loading the application")
        _, unreadable = self._parsed
        return Loading(None, unreadable) if unreadable else load(self.target, self.sources, self.root)

    @property
    def application(self) -> Application:
        """The loaded application. Only rules with `needs_application` may ask."""
        assert self.loading.application is not None
        return self.loading.application

    @cached_property
    def usage(self) -> Usage:
        return read_usage(self.application, self.sources)

    @cached_property
    def queries(self) -> tuple[Query, ...]:
        """The declared queries of the application, then those of the platform where its source is here to be mended."""
        platform = (
            query for query in platform_queries.declared() if Path(query.file).resolve().is_relative_to(self.root)
        )
        return (*self.application.queries, *platform)

    @cached_property
    def query_files(self) -> tuple[Path, ...]:
        """Each queries.sql of the application, whether or not a feature loads it."""
        return tuple(sorted(self.folder.rglob("queries.sql")))

    @cached_property
    def query_faults(self) -> tuple[DeclarationError, ...]:
        """What is wrong with the text of each queries.sql of the application and of the platform where it is here."""
        platform = (self.root / "src" / "clarivum").rglob("queries.sql")
        found: list[DeclarationError] = []
        for path in sorted({*self.query_files, *platform}):
            file = shown(path, self.root)
            try:
                found.extend(query_file_faults(decode_queries(path.read_bytes(), file), file))
            except DeclarationError as error:
                found.append(error)
        return tuple(found)

    def place_of(self, query: Query) -> tuple[str, int]:
        """The file of a query relative to the root, and its line."""
        path = Path(query.file)
        return shown(path if path.is_absolute() else path.resolve(), self.root), query.line

    @cached_property
    def committed_payloads(self) -> Mapping[str, Committed]:
        """The payload schemas of clients/payloads/, by job. Raises ConfigurationError."""
        return read_folder(self.root)

    # -- the database --------------------------------------------------------------------------------------------------
    @cached_property
    def places(self) -> Mapping[str, Place]:
        return read_places(self.root / "supabase" / "migrations", self.root)

    @cached_property
    def migrations(self) -> tuple[Migration, ...]:
        """The files, oldest first; none when one of them cannot be read as a migration."""
        self._progress("reading the migrations")
        try:
            return tuple(discover(self.root / "supabase" / "migrations"))
        except RefusedError as error:
            why = error.detail.replace(f"{self.root}/", "").partition("\n")[0]
            self.note(f"{why}: until then the text of the migrations is not judged")
            return ()

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """What each migration touches and locks."""
        return tuple(follow(self.migrations))

    @cached_property
    def defects(self) -> tuple[Defect, ...]:
        """What the migrations open or destroy, by their text."""
        return judge_set(self.migrations)

    @cached_property
    def squawked(self) -> tuple[Squawk, ...]:
        """What squawk finds in the migrations. Raises ConfigurationError when it is not installed."""
        self._progress("linting the migrations with squawk")
        return run_squawk(self.migrations)

    @cached_property
    def addenda(self) -> tuple[Addendum, ...]:
        return read_addenda(self.root)

    @cached_property
    def migration_refusal(self) -> Problem | None:
        """Why the migrations cannot be applied to an empty database, or None when they were."""
        self._progress("applying the migrations to a scratch database")
        self._scratch = self._open.enter_context(Scratch(self.root / "supabase" / "migrations", self._postgres))
        try:
            self._scratch.prepare(self._pushing)
        except RefusedError as error:
            named = PLACE.search(error.detail)
            file = shown(self.root / named["file"], self.root) if named else "supabase/migrations"
            line = int(named["line"]) if named else 1
            return Problem(
                file, line, Path(file).stem, without_place(error.detail), team=self._team_behind(self.root / file, line)
            )
        return None

    def _team_behind(self, path: Path, line: int) -> str:
        """Who mends a migration: its author's team, else the owner of what its statement at that line touches."""
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        return author_in(text) or owner_at(self.readings, path, line)

    def _pushing(self, progress: PushProgress) -> None:
        if progress.step is Step.APPLYING and progress.number % TOLD_EVERY == 0:
            self._progress(f"applying migrations to a scratch database, {progress.number} of {progress.total}")

    @cached_property
    def catalog(self) -> Catalog:
        """What the migrated database holds; nothing when the migrations are refused."""
        return Catalog((), frozenset()) if self.migration_refusal else self._scratch.read_catalog()

    @cached_property
    def objects(self) -> Objects:
        """What it holds beside tables."""
        return Objects((), (), (), (), frozenset()) if self.migration_refusal else self._scratch.read_objects()

    @cached_property
    def access(self) -> AccessMatrix | None:
        """Who may do what, tried cell by cell; None when the migrations are refused. Raises DeclarationError."""
        if self.migration_refusal:
            return None
        return try_access(self.application, self.catalog, *self.scratch_urls, self._progress)

    @property
    def scratch_urls(self) -> tuple[str, str]:
        """A superuser's and the serving login's, of the scratch database. Not when the migrations are refused."""
        assert self.migration_refusal is None
        return self._scratch.admin_url, self._scratch.app_url

    @cached_property
    def advice(self) -> tuple[Advice, ...] | None:
        """What Supabase's advisors say; None when they did not look. Without the Supabase CLI a note says so."""
        if self.migration_refusal:
            return None
        cli = find_cli(self.root, self._environ)
        if cli is None:
            self.note(not_looked("supabase/migrations"))
            return None
        self._progress("asking Supabase's advisors")
        return advise(cli, self._scratch.admin_url)

    @cached_property
    def descriptions(self) -> Mapping[Query, Description]:
        """What each query returns, from the server itself."""
        if self.migration_refusal:
            return {}
        described = self._scratch.describe([query.sql for query in self.queries], self.catalog)
        return dict(zip(self.queries, described, strict=True))

    @cached_property
    def verdicts(self) -> Mapping[Query, Verdict]:
        """Each query that is valid, planned at production size under every role it may run under."""
        return self.plan(self.queries)

    def plan(self, queries: Sequence[Query], role: str = "") -> Mapping[Query, Verdict]:
        """Plan some queries, those left out that are invalid, under one role or those that each may run under.

        Makes the copy of the database that is inflated, so it is called once: by `verdicts`, or instead of it.
        """
        valid = [query for query in queries if query in self.descriptions and not self.descriptions[query].refusal]
        if not valid:
            return {}
        self._progress(f"planning {len(valid)} {'queries' if len(valid) > 1 else 'query'} at production size")
        verdicts: dict[Query, Verdict] = {}
        with Planner(self._scratch.copy_for_planning()) as planner:
            for number, query in enumerate(valid):
                if number and number % TOLD_EVERY == 0:
                    self._progress(f"planning queries at production size, {number} of {len(valid)}")
                roles = (role,) if role else self.roles_of(query)
                verdicts[query] = planner.examine(query.sql, query.parameters, roles)
        return verdicts

    def roles_of(self, query: Query) -> tuple[str, ...]:
        """The database roles that a query may run under; the platform's own run under whichever may."""
        return tuple(sorted(self.usage.roles.get(query, ALL_ROLES)))

    # -- telemetry -----------------------------------------------------------------------------------------------------
    @cached_property
    def exported(self) -> Exported | None:
        """The spans and metrics that came out when every route was called and every job's queue was worked on.

        None without a database to do it on. Raises DeclarationError when the routes contradict each other.
        """
        if self.migration_refusal:
            return None
        self._progress("driving every route and job to see its telemetry")
        return drive(self.application, self._scratch.admin_url, self._scratch.app_url, self._environ)
