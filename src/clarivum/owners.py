"""Who owns what. `owners.toml` at the application's root is the one place that names people and channels.

Tables name their team in their comment (`owner: growth. …`), features in `Feature(…, owner="growth")`, migrations in
their first line (`-- author: growth`), waivers in `owner`. A team resolves to:

[teams.growth]
person = "growth engineering lead"
channel = "#clarivum-growth"
data_champion = "data champion, #clarivum-data"
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clarivum.errors import ConfigurationError

KEYS = ("person", "channel", "data_champion")
TEAM = re.compile(r"[A-Za-z0-9_-]+")
DECLARED = re.compile(r"\bowner:\s*([A-Za-z0-9_-]+)")
CHANNEL = "#"


@dataclass(frozen=True, slots=True)
class Owner:
    """A team: whom to ask, where to ask, and who reviews its data."""

    team: str
    person: str
    """A role, handle or mailbox that reaches somebody also after people have moved on."""
    channel: str
    data_champion: str


def parse_owners(text: str) -> Mapping[str, Owner]:
    """Read owners.toml's text. Raises ConfigurationError naming the team and what is wrong there."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"owners.toml is not TOML: {error}") from None
    unknown = next((key for key in document if key != "teams"), None)
    if unknown is not None:
        raise ConfigurationError(f"owners.toml: {unknown!r} stands outside [teams]; write [teams.{unknown}]")
    teams = document.get("teams", {})
    if not isinstance(teams, dict):
        raise ConfigurationError("owners.toml: write each team as a table of its own, [teams.growth]")
    return {team: _owner(team, entry) for team, entry in teams.items()}


def owner_in(comment: str | None) -> str:
    """The team that a comment in the database names (`owner: growth. …`); empty when it names none."""
    found = DECLARED.search(comment or "")
    return found[1] if found else ""


def unknown_owner(team: str, owners: Iterable[str], what: str = "owner") -> str:
    """Why `team` is not an owner, with the nearest that is: `owner 'grwth' is not a team of owners.toml; …`.

    `what` it was named as.
    """
    teams = sorted(owners)
    nearest = difflib.get_close_matches(team, teams, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"its teams are {', '.join(teams) or 'none yet'}"
    return f"{what} {team!r} is not a team of owners.toml; {hint}"


def _owner(team: str, entry: Any) -> Owner:
    where = f"owners.toml: team {team!r}"
    if not TEAM.fullmatch(team):
        raise ConfigurationError(f"{where}: a name is letters, digits, - and _, as comments of tables can name it")
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{where}: write it as a table of its own, [teams.{team}]")
    missing = [key for key in KEYS if not entry.get(key)]
    if missing:
        raise ConfigurationError(f"{where} lacks {', '.join(missing)}")
    for key, value in entry.items():
        if key not in KEYS:
            nearest = difflib.get_close_matches(key, KEYS, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"it has {', '.join(KEYS)}"
            raise ConfigurationError(f"{where} has no use for {key!r}; {hint}")
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise ConfigurationError(f"{where}: {key} must be a text of one line")
    if not entry["channel"].startswith(CHANNEL):
        raise ConfigurationError(f"{where}: channel must begin with {CHANNEL}, such as '#clarivum-{team}'")
    return Owner(team, entry["person"].strip(), entry["channel"].strip(), entry["data_champion"].strip())
