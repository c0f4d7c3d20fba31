"""`db plan` as a process, and what it says of index plans before and after their date."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from clarivum.checks import Facts, Report, choose, run
from clarivum.checks.plans import Outcome, QueryPlan, read_plans
from clarivum.cli.plan_report import as_text
from clarivum.clock import SYSTEM_CLOCK
from clarivum.database.planning import Catalog
from tests.integration.checks.checking import copied, forget
from tests.integration.checks.commands import clarivum

WEAK = "fine_by_source"
INDEX_PLAN = f"""
[[waiver]]
rule = "database/query-without-index"
subject = "{WEAK}"
reason = "an index on source comes with the archive, docs/adr/0099-archive.md"
owner = "growth"
expires = 2027-02-01
"""


def plan(name: str, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    root = folder / name
    if not root.exists():
        copied(name, folder)
    return clarivum("db", "plan", *arguments, "--application", f"{name}_backend.app:application", root=root)


def block(text: str, query: str) -> list[str]:
    """The lines about one query, without their indentation."""
    (found,) = [each for each in text.split("\n\n") if each.startswith(f"  {query} ")]
    return [line.strip() for line in found.splitlines()]


def test_every_query_is_shown_with_its_tree_its_rows_and_its_verdict(tmp_path: Path) -> None:
    ended = plan("clean", tmp_path, "--check")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("\n\n  4 queries: 4 carried\n")
    assert "\033[" not in ended.stdout
    notes = block(ended.stdout, "own_notes")
    assert notes[0] == "own_notes   clean_backend/notes/queries.sql:1   growth"
    assert notes[1:3] == ["role    authenticated", "given   $1 after_created_at, $2 after_id, $3 limit"]
    assert notes[3].startswith("Limit  (50 rows, cost ")
    assert any("using notes_subject_created_at_idx on public.notes  (" in line for line in notes)
    assert "rows    public.notes 20,000,000 (declared in its comment)" in notes
    (reads,) = [line for line in notes if line.startswith("reads ")]
    assert re.fullmatch(r"reads   about 5\d rows to return 50: 1\.\d rows read per row returned", reads)
    assert notes[-1] == "verdict carried by notes_subject_created_at_idx"
    assert block(ended.stdout, "add_note")[-1] == "verdict carried: it needs no index"


def test_a_weak_query_comes_with_an_index_that_was_proven(tmp_path: Path) -> None:
    ended = plan("seeded", tmp_path, WEAK, "--format", "json", "--check")
    assert ended.returncode == 1, ended.stderr
    document = json.loads(ended.stdout)
    (found,) = document["queries"]
    assert (found["query"], found["outcome"], found["index_plan"]) == (WEAK, "finding", None)
    assert document["tables"] == [{"table": "public.fine", "rows": 10_000_000, "declared": False}]
    (proposed,) = found["proposed"]
    assert proposed.startswith("create index concurrently fine_")
    worst, mended = found["worst"], found["with_proposed"]
    assert worst["rows_read_per_row"] >= 100 * mended["rows_read_per_row"]
    (weak,) = [node for node in walk(worst["plan"]) if node["weakness"]]
    assert weak["table"] == "public.fine"
    assert weak["rows_read"] == worst["rows_read"]
    assert weak["loops"] == 1
    assert weak["cost"] > 0
    assert [node["weakness"] for node in walk(mended["plan"]) if node["weakness"]] == []


def walk(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(below for child in node["children"] for below in walk(child))]


def test_a_query_can_be_planned_under_another_role(tmp_path: Path) -> None:
    ended = plan("clean", tmp_path, "all_topics", "--role", "clarivum_staff")
    assert ended.returncode == 0, ended.stderr
    topics = block(ended.stdout, "all_topics")
    assert "refused clarivum_staff: permission denied for table topics" in topics
    assert topics[-1].startswith("verdict not permitted")


@pytest.mark.parametrize(
    ("name", "arguments", "status", "message"),
    [
        ("clean", ["own_nots"], 2, "no queries.sql declares a query 'own_nots'; did you mean own_notes?"),
        ("clean", ["--role", "anonymous"], 2, "there is no database role 'anonymous'; did you mean anon?"),
        ("clean", ["--postgres", "17"], 2, "comes as 16 or 18"),
        ("clean", ["--format", "sarif"], 2, "'sarif' is not one of 'text', 'json'"),
        ("refused", [], 3, "refused_backend/notes/"),
    ],
)
def test_what_cannot_be_planned_is_said(
    tmp_path: Path, name: str, arguments: list[str], status: int, message: str
) -> None:
    ended = plan(name, tmp_path, *arguments)
    assert (ended.returncode, ended.stdout) == (status, "")
    assert message in ended.stderr


@contextmanager
def facts_of(root: Path, today: date) -> Iterator[Facts]:
    """The facts of the seeded application on a day, loaded anew."""
    sys.path.insert(0, str(root))
    try:
        with Facts("seeded_backend.app:application", today=today) as facts:
            yield facts
    finally:
        sys.path.remove(str(root))
        forget("seeded_backend")


def judged(root: Path, today: date) -> tuple[QueryPlan, str, Report]:
    """The plan of the weak query, what is printed of it, and what `check` says, on that day."""
    with facts_of(root, today) as facts:
        (query,) = [each for each in facts.queries if each.name == WEAK]
        (found,) = read_plans(facts, [query])
        text = as_text([found], facts.catalog, colour=False)
    with facts_of(root, today) as facts:
        report = run(facts, choose(["database/query-without-index", "checks/waiver-expired"]), SYSTEM_CLOCK)
    return found, text, report


def test_each_query_has_one_outcome_and_colour_is_asked_for(tmp_path: Path) -> None:
    with facts_of(copied("seeded", tmp_path), date(2027, 1, 15)) as facts:
        plans = read_plans(facts, facts.queries)
        plain, coloured = (as_text(plans, facts.catalog, colour=colour) for colour in (False, True))
    outcomes = {each.query.name: each.outcome for each in plans}
    assert outcomes["misspelt"] is Outcome.INVALID
    assert outcomes["not_permitted"] is Outcome.NOT_PERMITTED
    assert outcomes[WEAK] is Outcome.FINDING
    assert outcomes["own_fine"] is Outcome.CARRIED
    assert block(plain, "misspelt")[-1] == 'verdict invalid: column "sauce" does not exist'
    counted = re.search(r"^  7 queries: 4 carried, 1 finding, 1 not permitted, 1 invalid$", plain, re.MULTILINE)
    assert counted is not None
    (weak,) = [line for line in coloured.splitlines() if "← " in line]
    assert weak.strip().startswith("\033[31m")
    assert re.sub(r"\033\[\d*m", "", coloured) == plain
    assert "\033[" not in plain


def test_an_index_plan_answers_for_a_query_until_its_date(tmp_path: Path) -> None:
    root = copied("seeded", tmp_path)
    with (root / "waivers.toml").open("a") as file:
        file.write(INDEX_PLAN)

    found, text, report = judged(root, date(2027, 2, 1))
    assert found.outcome is Outcome.INDEX_PLAN
    assert "verdict index plan; " in text
    assert "docs/adr/0099-archive.md (growth, until 2027-02-01)" in text
    assert report.waived == 1
    assert WEAK not in {finding.subject for finding in report.findings}

    found, text, report = judged(root, date(2027, 2, 2))
    assert found.outcome is Outcome.FINDING
    assert "verdict finding, its index plan has expired: " in text
    assert {finding.rule for finding in report.findings if finding.subject == WEAK} == {
        "database/query-without-index",
        "checks/waiver-expired",
    }


def test_an_application_without_queries_is_told_so() -> None:
    assert as_text((), Catalog((), frozenset()), colour=False) == "  no query is declared\n"
