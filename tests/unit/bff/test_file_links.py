"""Links to a member's file: only ours, only that member's, only until they expire."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from bff.privacy.links import FileLink, file_link

ID, OTHER = UUID("7c1f1f3e-6b0e-4c55-8c92-7a0f5d2b9e44"), UUID("0f9d6c1e-51b4-4f5c-9f77-1f3c0c6a2b11")
KEY, NOW = bytes(range(32)), datetime(2026, 11, 26, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(hours=24)
TOKEN = file_link(ID, "auth0|alice", KEY, UNTIL).removeprefix("/files/")


def proven(token: str, *, subject: str = "auth0|alice", key: bytes = KEY, now: datetime = NOW) -> bool:
    link = FileLink.read(token)
    return link is not None and link.proves(subject, key, now)


def test_a_link_works_until_it_expires() -> None:
    link = FileLink.read(TOKEN)
    assert link is not None
    assert link.export_id == ID
    assert "alice" not in TOKEN
    assert proven(TOKEN)
    assert proven(TOKEN, now=UNTIL - timedelta(seconds=1))
    assert not proven(TOKEN, now=UNTIL)


def test_a_link_is_of_one_member_and_one_file() -> None:
    assert not proven(TOKEN, subject="auth0|bob")
    assert not proven(TOKEN, key=bytes(32))
    assert not proven(TOKEN.replace(ID.hex, OTHER.hex))


def test_no_character_of_a_link_can_be_changed() -> None:
    for place, character in enumerate(TOKEN):
        changed = TOKEN[:place] + ("1" if character == "0" else "0") + TOKEN[place + 1 :]
        assert not proven(changed), place


@pytest.mark.parametrize("token", ["", ".", "a.b.c", TOKEN[:-1], TOKEN + "0", TOKEN.upper(), f" {TOKEN}", f"{TOKEN}\n"])
def test_what_looks_like_no_link_is_none(token: str) -> None:
    assert FileLink.read(token) is None
