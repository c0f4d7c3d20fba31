"""The two parts of docs/architecture.md that are made from the facts, and the page with them in their places."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from clarivum.checks.erd.diagram import diagram
from clarivum.checks.erd.listing import listing
from clarivum.checks.facts import Facts
from clarivum.checks.pages.marked import with_parts

COMMAND = "./clarivum db erd"
PAGE = Path("docs") / "architecture.md"
EMPTY_PAGE = "# Architecture\n\n## Data\n"


def erd_parts(facts: Facts) -> Mapping[str, str]:
    """The Markdown of each part by its name. Needs an application that loads and migrations that apply."""
    uses: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for query, verdict in facts.verdicts.items():
        for place in verdict.uses:
            uses[place].add(query.name)
    return {
        "diagram": f"```mermaid\n{diagram(facts.catalog)}\n```",
        "tables": listing(facts.catalog, facts.owners, {place: sorted(names) for place, names in uses.items()}),
    }


def erd_page(page: str | None, parts: Mapping[str, str]) -> str:
    """The page as it should be: `page` (None where there is none yet) with the parts in their places.

    Raises ConfigurationError when its marks do not fit together.
    """
    return with_parts(EMPTY_PAGE if page is None else page, parts, COMMAND, PAGE.as_posix())
