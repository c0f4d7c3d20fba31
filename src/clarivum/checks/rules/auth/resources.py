"""What the rules on the matrix share: whose a table or a route is."""

from clarivum.checks.facts import Facts
from clarivum.checks.rules.database.tables import owner_of
from clarivum.checks.sources import shown


def team_of_resource(facts: Facts, name: str) -> str:
    """The team of a table (`public.leads`) or a route (`GET /api/v1/leads`); empty when it is neither."""
    table = facts.catalog.table(name)
    if table is not None:
        return owner_of(table)
    for route in facts.application.routes:
        if f"{route.method} {route.path}" == name:
            return facts.team_of(shown(route.file, facts.root))
    return ""
