"""docs/security.md: what it links is there, what it says was measured is what was measured."""

import re
from pathlib import Path

import pytest

from benchmarks.leaks.run import COMMAND, PAGE, kept, part
from bff.app import application
from clarivum.checks.pages.marked import with_parts
from tests.unit.auth.test_wycheproof import DISPUTED

ROOT = Path(__file__).resolve().parents[2]
TEXT = PAGE.read_text(encoding="utf-8")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(text: str) -> list[str]:
    return sorted(set(LINK.findall(text)))


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("link", links(TEXT))
def test_what_is_linked_is_there(link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (PAGE.parent / path).resolve() if path else PAGE
    assert target.exists(), link
    assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link
    if "tests" in target.parts and target.suffix == ".py":
        assert re.search(r"^(async )?def test_", target.read_text(encoding="utf-8"), re.MULTILINE), link


def test_every_promise_and_item_names_a_test() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith(("| **", "| v5.0.0-"))]
    assert len(rows) > 80
    assert [row for row in rows if "../tests/" not in row.rpartition(" | ")[2]] == []


def test_items_are_named_once_and_in_order() -> None:
    items = [tuple(map(int, item.split("."))) for item in re.findall(r"^\| v5\.0\.0-([0-9.]+) \|", TEXT, re.MULTILINE)]
    assert items == sorted(set(items))
    assert all(len(item) == 3 for item in items)


def test_the_disputed_vectors_are_those_of_the_test() -> None:
    rows = re.findall(r"^\| signature (\d+) \| (.+) \|$", TEXT, re.MULTILINE)
    assert {("signature", int(number)): reason for number, reason in rows} == DISPUTED


def test_the_million_requests_are_those_that_were_made() -> None:
    result = kept()
    assert result.passed
    assert result.requests == 1_000_000
    assert (result.tenants, result.connections) == (50, 4)
    assert result.outcomes["given up"] > result.requests / 20
    assert with_parts(TEXT, {"isolation": part(result)}, COMMAND, PAGE.name) == TEXT


def test_the_routes_that_run_as_the_worker_are_all_named() -> None:
    section = TEXT.partition("## What runs as the worker")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `([A-Z]+ /\S+)` \|", section, re.MULTILINE)
    assert named == [f"{route.method} {route.path}" for route in application.routes if route.as_worker is not None]


def test_the_pointer_at_the_root_leads_here() -> None:
    pointer = ROOT / "SECURITY.md"
    for link in links(pointer.read_text(encoding="utf-8")):
        assert (ROOT / link.partition("#")[0]).exists()
    assert "docs/security.md#reporting-a-flaw" in links(pointer.read_text(encoding="utf-8"))
