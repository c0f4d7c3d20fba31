"""Who owns what. `owners.toml` at the application's root is the one place that names people and channels.

[teams.growth]
channel = "#clarivum-growth"
contact = "growth lead"
data_champion = "data champion"
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from clarivum.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Owner:
    """A team: where to ask, whom to ask, and who reviews its data."""

    team: str
    channel: str
    contact: str
    data_champion: str


def parse_owners(text: str) -> Mapping[str, Owner]:
    """Read owners.toml's text. Raises ConfigurationError naming the team and the key that is missing."""
    try:
        teams = tomllib.loads(text).get("teams", {})
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"owners.toml is not TOML: {error}") from None
    return {team: _owner(team, entry) for team, entry in teams.items()}


def _owner(team: str, entry: Mapping[str, str]) -> Owner:
    missing = [key for key in ("channel", "contact", "data_champion") if not entry.get(key)]
    if missing:
        raise ConfigurationError(f"owners.toml: team {team!r} lacks {', '.join(missing)}")
    return Owner(team, entry["channel"], entry["contact"], entry["data_champion"])
