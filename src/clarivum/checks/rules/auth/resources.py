"""What the rules on the matrix share: the matrix where there is one, and whose a table or a route is."""

from clarivum.checks.access import AccessMatrix
from clarivum.checks.facts import Facts
from clarivum.checks.rules.database.tables import owner_of
from clarivum.checks.sources import shown
from clarivum.errors import DeclarationError


def matrix_of(facts: Facts) -> AccessMatrix | None:
    """The matrix; None when migrations are refused or routes cannot be served together, which one rule tells."""
    try:
        return facts.access
    except DeclarationError:
        return None


def team_of_resource(facts: Facts, name: str) -> str:
    """The team of a table (`public.leads`) or a route (`GET /api/v1/leads`); empty when it is neither."""
    table = facts.catalog.table(name)
    if table is not None:
        return owner_of(table)
    for route in facts.application.routes:
        if f"{route.method} {route.path}" == name:
            return facts.team_of(shown(route.file, facts.root))
    return ""
