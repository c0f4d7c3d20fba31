"""Business or personal, by the domain alone."""

import pytest

from bff.leads.audience import audience_of


@pytest.mark.parametrize(
    ("email", "audience"),
    [
        ("ada@gmail.com", "personal"),
        ("ada@GMAIL.COM", "personal"),
        ("ada@gmail.com.example.org", "business"),
        ("ada@notgmail.com", "business"),
        ('"a@gmail.com"@acme.example', "business"),
        ("ada@clarivum.com", "business"),
    ],
)
def test_the_domain_decides(email: str, audience: str) -> None:
    assert audience_of(email) == audience
