"""What docs/guide/database.md and docs/architecture.md show of plans, owners and links is so."""

import re
import tomllib
from pathlib import Path

from clarivum.checks.waivers import parse_waivers
from clarivum.database.planning.assumptions import declared_rows
from clarivum.owners import owner_in, parse_owners
from tests.integration.checks.commands import ROOT, clarivum

GUIDE = (ROOT / "docs" / "guide" / "database.md").read_text(encoding="utf-8")
ARCHITECTURE = ROOT / "docs" / "architecture.md"
SHOWN = re.compile(r"^```\n\$ \./clarivum (?P<command>db plan [^\n]*)\n(?P<output>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)(?P<path>[^)#]+)")


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def without_numbers(text: str) -> str:
    """Estimates move a little with the server's minor version and the data folder's file system."""
    return re.sub(r"\b\d[\d,.]*(?=[ )])", "N", text)


def test_db_plan_prints_what_the_guide_shows() -> None:
    shown = SHOWN.search(GUIDE)
    assert shown is not None
    ended = clarivum(*shown["command"].split())
    assert ended.returncode == 0, ended.stderr
    assert without_numbers(ended.stdout.rstrip()) == without_numbers(shown["output"].rstrip())


def test_the_comment_shown_declares_owner_and_rows() -> None:
    (comment,) = {text for text in fenced("sql") if text.startswith("comment on table")}
    assert (owner_in(comment), declared_rows(comment)) == ("growth", 2_000_000)


def test_owners_and_index_plan_are_written_as_shown() -> None:
    tables = fenced("toml")
    (owners,) = [text for text in tables if "teams" in tomllib.loads(text)]
    assert parse_owners(owners)["growth"].channel == "#clarivum-growth"
    (waivers,) = [text for text in tables if "waiver" in tomllib.loads(text)]
    assert [waiver.subject for waiver in parse_waivers(waivers)] == ["leads_export"]


def test_every_link_of_the_architecture_leads_somewhere() -> None:
    links = {found["path"] for found in LINK.finditer(ARCHITECTURE.read_text(encoding="utf-8"))}
    assert len(links) > 20
    assert {link for link in links if not (ARCHITECTURE.parent / Path(link)).exists()} == set()
