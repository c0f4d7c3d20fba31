"""owners.toml is complete or refused."""

import pytest

from clarivum.errors import ConfigurationError
from clarivum.owners import Owner, owner_in, parse_owners, unknown_owner

GROWTH = 'person = "lead"\nchannel = "#g"\ndata_champion = "champion"\n'


def test_a_team_resolves_to_a_person_a_channel_and_a_data_champion() -> None:
    assert parse_owners(f"[teams.growth]\n{GROWTH}") == {"growth": Owner("growth", "lead", "#g", "champion")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[teams.growth]\nchannel = "#g"\n', "'growth' lacks person, data_champion"),
        ("[teams.growth", "not TOML"),
        (f"[growth]\n{GROWTH}", r"'growth' stands outside \[teams\]; write \[teams.growth\]"),
        (f"[[teams]]\n{GROWTH}", r"write each team as a table of its own"),
        ('[teams]\ngrowth = "lead"\n', "'growth': write it as a table of its own"),
        (f'[teams."the growth team"]\n{GROWTH}', "a name is letters, digits"),
        (f'[teams.growth]\n{GROWTH}chanel = "#g"\n', "has no use for 'chanel'; did you mean channel"),
        (f"[teams.growth]\n{GROWTH.replace('lead', ' ')}", "person must be a text of one line"),
        ("[teams.growth]\n" + GROWTH.replace('"lead"', "3"), "person must be a text of one line"),
        ("[teams.growth]\n" + GROWTH.replace("#g", "g"), "channel must begin with #"),
    ],
)
def test_what_is_missing_or_wrong_is_named(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_owners(text)


def test_a_table_names_its_owner_in_its_comment() -> None:
    assert owner_in("owner: growth. Addresses.") == "growth"
    assert owner_in("The owner of this is not said.") == ""
    assert owner_in(None) == ""


def test_an_unknown_owner_is_told_with_the_nearest_team() -> None:
    assert unknown_owner("grwth", ["membership", "growth"]).endswith("did you mean 'growth'?")
    assert unknown_owner("x", ["membership", "growth"]).endswith("its teams are growth, membership")
