"""Whom to ask: the owners of what is touched, and the data champion when data is."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from clarivum.checks.review.change import Change
from clarivum.checks.review.job_difference import job_changes
from clarivum.checks.review.markdown import Block, Cell, Table
from clarivum.checks.review.part import Part
from clarivum.checks.review.schema_difference import schema_changes
from clarivum.checks.review.wording import counted
from clarivum.owners import owner_in

PLATFORM = "platform"
MOST = 5


def describe(change: Change) -> Sequence[Block]:
    because: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for team, reason in _reasons(change):
        because[team][reason] = None
    rows: list[tuple[Cell, ...]] = []
    for team in sorted(because):
        owner = change.owners.get(team)
        asked = (owner.person, owner.channel) if owner else ("nobody: owners.toml names no such team", "–")
        rows.append((team, *asked, _joined(list(because[team]))))
    champions = sorted({owner.data_champion for team in _of_data(change) if (owner := change.owners.get(team))})
    rows += [("data champion", champion, "–", "schema or queries change") for champion in champions]
    return [Table(("team", "ask", "channel", "because of"), tuple(rows))] if rows else []


def _joined(reasons: list[str]) -> str:
    further = f" and {len(reasons) - MOST} more" if len(reasons) > MOST else ""
    return ", ".join(reasons[:MOST]) + further


def _reasons(change: Change) -> Iterator[tuple[str, str]]:
    yield from _of_tables(change)
    for migration in change.migrations:
        for crossing in migration.reading.crossings if migration.reading else ():
            yield crossing.owner, crossing.object
    for query in change.queries:
        if query.state is not None:
            yield query.query.owner, f"query {query.query.name}"
    for job in job_changes(change):
        yield job.one.owner, f"job {job.one.name}"
    files: defaultdict[str, int] = defaultdict(int)
    for _, path in change.comparison.files:
        team = _team_of(path, {**change.base.slices, **change.head.slices})
        if team:
            files[team] += 1
    yield from ((team, counted(number, "file")) for team, number in files.items())


def _of_tables(change: Change) -> Iterator[tuple[str, str]]:
    """Owners of what differs, on both sides: a table that changes hands concerns two teams."""
    for side in (change.base, change.head):
        comments = {each.of: owner_in(each.text) for each in side.definitions if each.kind == "comment"}
        for each in schema_changes(change):
            team = comments.get(each.one.of, "")
            if team:
                yield team, each.one.of


def _of_data(change: Change) -> set[str]:
    queries = {each.query.owner for each in change.queries if each.state is not None}
    return {team for team, _ in _of_tables(change)} | queries


def _team_of(path: str, slices: dict[str, str]) -> str:
    """The team of the feature that holds a file; the platform's for its own; nobody's for the rest."""
    for folder, team in slices.items():
        if path.startswith(f"{folder}/"):
            return team
    return PLATFORM if path.startswith(("src/", "supabase/config")) else ""


PART = Part("reviewers", "Whom to ask", describe)
