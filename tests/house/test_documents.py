"""What the documents say of each other and of the house is so: links, decision records, layers."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"])
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^ *(```|~~~).*?^ *\1$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
RECORD = re.compile(
    r"# ADR-(?P<number>[0-9]{4}): [^\n]+\n\n"
    r"Status: (proposed|accepted|superseded by ADR-[0-9]{4})\n\n"
    r"Date: [0-9]{4}-[0-9]{2}-[0-9]{2}\n\n"
)
PARTS = ("Context", "Decision", "Consequences")


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def anchors(path: Path) -> set[str]:
    headings = HEADING.findall(re.sub(r"^ *(```|~~~).*?^ *\1$", "", path.read_text("utf-8"), flags=re.M | re.S))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_what_is_linked_is_there(page: Path) -> None:
    missing = []
    for link in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        if path.startswith(("http://", "https://", "mailto:")):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize("path", DECISIONS, ids=shown)
def test_a_decision_has_number_title_status_date_and_its_parts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = RECORD.match(text)
    assert found, "begins as `./clarivum adr new` writes it"
    assert path.name.startswith(f"{found['number']}-")
    assert [part for part in PARTS if text.count(f"\n## {part}\n") != 1] == []
    assert "<!-- fill:" not in text


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md", "docs/adr/0001-the-house.md"])
def test_the_layers_are_told_as_they_are_held(page: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (house,) = (each for each in project["tool"]["importlinter"]["contracts"] if each["type"] == "layers")
    packages = [layer.replace("clarivum.", "").replace(" |", ",") for layer in house["layers"]]
    named = packages[: packages.index("telemetry") + 1]
    assert f"    {' → '.join([*named, 'foundation'])}\n" in (ROOT / page).read_text(encoding="utf-8")
