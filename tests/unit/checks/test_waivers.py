"""waivers.toml: what is accepted, and what is refused with its line."""

from datetime import date

import pytest

from clarivum.checks.waivers import Waiver, parse_waivers
from clarivum.errors import ConfigurationError

ONE = """
[[waiver]]
rule = "database/query-without-index"
subject = "leads_export"
reason = "runs once a month"
owner = "growth"
expires = 2027-03-01
"""


def test_a_waiver_is_read_with_its_line() -> None:
    expected = Waiver(
        "database/query-without-index", "leads_export", "runs once a month", "growth", date(2027, 3, 1), 2
    )
    assert parse_waivers(ONE) == (expected,)
    assert [waiver.line for waiver in parse_waivers("# first\n" + ONE + ONE)] == [3, 10]


def test_no_waivers_are_none() -> None:
    assert parse_waivers("# nothing is waived\n") == ()


def test_a_waiver_holds_to_the_end_of_its_day_for_its_rule_and_subject() -> None:
    (waiver,) = parse_waivers(ONE)
    assert waiver.covers("database/query-without-index", "leads_export", date(2027, 3, 1))
    assert not waiver.covers("database/query-without-index", "leads_export", date(2027, 3, 2))
    assert not waiver.covers("database/query-without-index", "leads_import", date(2027, 3, 1))
    assert not waiver.covers("database/query-invalid", "leads_export", date(2027, 3, 1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ONE.replace('reason = "runs once a month"\n', ""), "waivers.toml:2: this waiver lacks reason"),
        (ONE.replace('"growth"', '""'), "waivers.toml:2: this waiver lacks owner"),
        (ONE + "until = 2028-01-01\n", "waivers.toml:2: this waiver has no use for until"),
        (ONE.replace("2027-03-01", '"2027-03-01"'), "expires must be a date"),
        (ONE.replace("2027-03-01", "2027-03-01T10:00:00Z"), "expires must be a date"),
        ("waiver = 3", r"write each waiver as a table of its own, \[\[waiver\]\]"),
        ('waiver = [{ rule = "x" }]', r"write each waiver as a table of its own, \[\[waiver\]\]"),
        ("[[waiver", "is not TOML"),
    ],
)
def test_what_cannot_be_read_names_the_line_and_the_key(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        parse_waivers(text)
