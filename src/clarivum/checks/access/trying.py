"""The whole trial of one application: tables first, then routes, on a copy of the migrated scratch database."""

from collections.abc import Callable, Mapping
from pathlib import Path

from clarivum.application import Application
from clarivum.checks.access.matrix import AccessMatrix
from clarivum.checks.access.personas import Persona, personas
from clarivum.checks.access.route_trial import try_routes
from clarivum.database.planning import Catalog
from clarivum.database.trial import SAMPLES_FILE, Cast, Sample, copied, parse_samples, try_tables

Progress = Callable[[str], None]
COPY = "clarivum_access"
PLATFORM = "clarivum"
TOLD_EVERY = 25


def try_access(
    application: Application, catalog: Catalog, admin_url: str, app_url: str, progress: Progress = lambda step: None
) -> AccessMatrix:
    """Try every cell. `admin_url` and `app_url` lead to a migrated database, to which nobody is connected.

    Raises ConfigurationError when the samples cannot be read, DeclarationError when the routes contradict each other.
    """
    callers = personas()
    with copied(admin_url, app_url, COPY) as (admin, app):
        progress(f"trying {len(catalog.tables)} tables as {len(callers)} callers")
        cast = cast_of(callers, read_samples(application.root))
        # The application's own come first on the page, then what the platform keeps for itself.
        listed = sorted(catalog.tables, key=lambda table: (table.schema == PLATFORM, table.qualified))

        def told(done: int, of: int) -> None:
            if done % TOLD_EVERY == 0:
                progress(f"trying tables, {done} of {of}")

        tables = try_tables(admin, [table.oid for table in listed], cast, told)
        progress(f"calling {len(application.routes)} routes as {len(callers) - 1} callers")
        routes = try_routes(application, callers, app)
    return AccessMatrix([(persona.name, persona.about) for persona in callers], tables, routes)


def cast_of(callers: tuple[Persona, ...], samples: Mapping[str, Sample]) -> Cast:
    """Everybody in every guise, with rows for those who can own some."""
    owners = [persona.owner for persona in callers if persona.owner is not None]
    return Cast([guise for persona in callers for guise in persona.guises], owners, samples)


def read_samples(root: Path) -> Mapping[str, Sample]:
    """The rows that the application gives; none when there is no such file."""
    path = root / "supabase" / SAMPLES_FILE
    return parse_samples(path.read_text(encoding="utf-8"), f"supabase/{SAMPLES_FILE}") if path.exists() else {}
