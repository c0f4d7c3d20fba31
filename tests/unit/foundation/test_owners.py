"""owners.toml is complete or refused."""

import pytest

from clarivum.errors import ConfigurationError
from clarivum.owners import Owner, parse_owners


def test_a_team_has_channel_contact_and_data_champion() -> None:
    text = '[teams.growth]\nchannel = "#g"\ncontact = "lead"\ndata_champion = "champion"\n'
    assert parse_owners(text) == {"growth": Owner("growth", "#g", "lead", "champion")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[teams.growth]\nchannel = "#g"\n', "'growth' lacks contact, data_champion"),
        ("[teams.growth", "not TOML"),
    ],
)
def test_what_is_missing_is_named(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_owners(text)
