"""A change of nearly everything, described: each part finds what was planted, and the Markdown renders."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from clarivum.checks.review.change import Change
from clarivum.checks.review.description import MAX_CHARACTERS, describe, to_json, to_markdown
from tests.integration.checks.changing import SECRET, change_everything, compared, repository

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = repository(tmp_path_factory.mktemp("review"))
    change_everything(root)
    return root


@pytest.fixture(scope="module")
def change(root: Path) -> Change:
    return compared(root, PASSWORD=SECRET)


@pytest.fixture(scope="module")
def told(change: Change) -> dict[str, Any]:
    return dict(json.loads(to_json(describe(change))))


@pytest.fixture(scope="module")
def text(change: Change) -> str:
    return to_markdown(describe(change))


def rows(told: dict[str, Any], key: str) -> Rows:
    """The rows of all tables of one part."""
    blocks = next(part["blocks"] for part in told["parts"] if part["key"] == key)
    return [row for block in blocks if block["type"] == "table" for row in block["rows"]]


def lines(told: dict[str, Any], key: str) -> list[str]:
    """The items of all lists of one part."""
    blocks = next(part["blocks"] for part in told["parts"] if part["key"] == key)
    return [item for block in blocks if block["type"] in {"list", "steps"} for item in block["items"]]


def test_both_sides_load_and_what_is_not_committed_counts(change: Change, told: dict[str, Any]) -> None:
    assert change.base.unloaded == change.head.unloaded == ()
    assert change.base.unmigrated == change.head.unmigrated == ""
    assert re.fullmatch(
        r"Compared with [0-9a-f]{9}.*: 11 files in 1 commit, 7 files not committed yet\.", told["compared"]
    )


def test_the_schema_is_told_object_by_object(told: dict[str, Any]) -> None:
    found = {row["object"]: row for row in rows(told, "schema")}
    assert found["public.tags"]["change"] == "new table"
    assert "owner growth; planned for 5,000 rows; 2 columns" in found["public.tags"]["definition"]
    assert found["public.notes column body"]["change"] == "dropped"
    assert found["public.notes column colour"]["definition"] == "text default 'a|b'::text"
    assert found["public.notes index notes_topic_idx"]["change"] == "new"
    assert found["clarivum.job_runs column note"] == {
        "object": "clarivum.job_runs column note", "change": "new", "definition": "text",
    }  # fmt: skip
    assert not [name for name in found if name.startswith("public.tags ")]


def test_locks_are_told_with_who_waits(told: dict[str, Any]) -> None:
    found = {(row["line"], row["locks"]): row for row in rows(told, "locks")}
    assert found["8", "public.notes"]["mode"] == "ACCESS EXCLUSIVE"
    assert found["10", "public.notes"]["stops"] == "writes"
    assert "gentler: create index concurrently" in found["10", "public.notes"]["for"]
    assert found["2", "public.notes"]["mode"] == "SHARE UPDATE EXCLUSIVE"
    (notes,) = [line for line in lines(told, "locks") if line.startswith("public.notes: reads")]
    assert "reads all of public.notes, for 20,000,000 rows in the order of 20 seconds" in notes
    assert "3 queries use it: own_notes, add_note, mark_done." in notes


def test_queries_are_planned_on_both_sides(told: dict[str, Any]) -> None:
    found = {row["query"].split()[0]: row for row in rows(told, "queries")}
    assert found["own_notes"]["change"] == "changed"
    assert found["own_notes"]["before"].startswith("reads 53, returns 50")
    assert found["own_notes"]["verdict"].startswith("finding: ")
    assert found["notes_by_colour"]["change"] == "new"
    assert found["notes_by_colour"]["before"] == "–"
    assert found["notes_by_colour"]["verdict"].startswith("index plan of growth until 2027-02-01")
    assert found["all_topics"]["change"] == "changed, runs as authenticated instead of anon"
    assert set(found) == {"own_notes", "add_note", "all_topics", "notes_by_colour"}


def test_the_contract_says_what_breaks(told: dict[str, Any]) -> None:
    found = {
        (row["route"], row["where"], row["change"].split(",")[0]): row["breaking"] for row in rows(told, "contract")
    }
    assert found["GET /api/v1/topics", "route", "removed"] == "yes"
    assert found["GET /api/v1/labels", "route", "new"] == "no"
    assert found["POST /api/v1/notes", "body", "/colour new"] == "yes"
    assert found["POST /api/v1/notes", "answer 201", "/body removed"] == "yes"
    assert [key for key, breaking in found.items() if key[0] == "GET /api/v1/notes" and breaking == "yes"]


def test_access_cells_stand_side_by_side(told: dict[str, Any]) -> None:
    (cell,) = rows(told, "access")
    assert (cell["table or route"], cell["caller"], cell["verb"]) == (
        "public.notes",
        "member as authenticated",
        "select",
    )
    assert cell["before"].startswith("own rows")
    assert cell["after"].startswith("all rows")


def test_jobs_are_told_with_what_becomes_of_messages(told: dict[str, Any]) -> None:
    found = {(row["job"], row["what"]): row for row in rows(told, "jobs")}
    assert "ArchiveNote(note_id: uuid, reason: string or null)" in found["notes.archive", "new job"]["after"]
    assert "timeout_s 30" in found["notes.archive", "new job"]["after"]
    assert found["notes.tidy", "timeout_s"]["after"] == "20"
    assert found["notes.tidy", "visibility_s"] == {
        "job": "notes.tidy", "what": "visibility_s", "before": "60", "after": "120",
    }  # fmt: skip
    assert found["notes.sweep", "schedule"]["after"].startswith("30 4 * * *")
    assert found["notes.sweep", "payload"]["after"] == "removed; messages that wait are not accepted"


def test_the_steps_of_a_deployment_are_in_order(told: dict[str, Any]) -> None:
    steps = lines(told, "deployment")
    wanted = [
        r"Settings that are new: NOTES_COLOUR\.",
        r"takes away from running processes \(own_notes, add_note\) belongs in a migration of its own",
        r"in this order: 20270110000000_tags, 20270110000100_run_note, 20270110000200_status_index\.",
        r"20270110000000_tags fills in rows of public\.notes",
        r"20270110000200_status_index runs outside a transaction",
        r"new workers before the new API.*notes\.archive",
        r"Stop the older API from enqueuing notes\.sweep",
        r"Queue notes_archive is new",
        r"schedule of notes\.sweep is from now on 30 4 \* \* \*",
    ]
    places = [next(number for number, step in enumerate(steps) if re.search(pattern, step)) for pattern in wanted]
    assert places == sorted(places)


def test_telemetry_names_what_appears(told: dict[str, Any]) -> None:
    found = {(row["kind"], row["of"], row["change"]): row["names"] for row in rows(told, "telemetry")}
    assert found["span", "routes", "new"] == "GET /api/v1/labels"
    assert found["span", "routes", "gone"] == "GET /api/v1/topics"
    assert found["span", "jobs", "new"] == "process notes_archive, send notes_archive"
    assert found["metric", "the application's own code", "new"] == "notes.archived"
    assert found["span", "queries", "new"] == "notes_by_colour"


def test_gaps_are_not_hidden(told: dict[str, Any]) -> None:
    gaps = "\n".join(lines(told, "gaps"))
    assert "New waiver: database/query-without-index notes_by_colour; growth answers for it until 2027-02-01" in gaps
    assert "20270110000100_run_note touches clarivum.job_runs of platform, and no addendum" in gaps
    assert "No file below tests/ names the new job notes.archive." in gaps
    assert "labels" not in gaps


def test_the_owners_of_all_that_is_touched_are_asked(told: dict[str, Any]) -> None:
    found = {row["team"]: row for row in rows(told, "reviewers")}
    assert found["platform"]["ask"] == "platform engineering"
    assert "clarivum.job_runs" in found["platform"]["because of"]
    assert "public.notes" in found["growth"]["because of"]
    assert found["data champion"]["ask"] == "data champion, #data"


def test_what_matters_most_stands_first(told: dict[str, Any]) -> None:
    first = "\n".join(told["first"])
    for wanted in (
        "column dropped public.notes.body: queries that are running rely on it: own_notes, add_note",
        "wait while 20270110000000_tags reads all of public.notes",
        "query own_notes has no index that carries it",
        "break callers of",
        "messages that wait for notes.sweep will not be accepted",
        "db push will refuse",
        "1 cell of the access matrix changed",
    ):
        assert wanted in first
    assert "notes_by_colour has no index" not in first


def test_the_markdown_renders_and_names_no_machine(text: str, root: Path) -> None:
    html = MarkdownIt("commonmark").enable("table").render(text)
    tables = re.findall(r"<table>(.*?)</table>", html, re.DOTALL)
    assert len(tables) >= 8
    for table in tables:
        widths = {len(re.findall("<t[dh]>", row)) for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)}
        assert len(widths) == 1
    assert html.count("<details>") == html.count("</details>") >= 4
    assert "text default 'a|b'::text" in html.replace("&#x27;", "'")
    assert re.findall(r"<h3>(.*?)</h3>", html)[:3] == ["Look at first", "Database schema", "Migrations and their locks"]
    assert not re.search(r"^\|", re.sub(r"<pre>.*?</pre>", "", html, flags=re.DOTALL), re.MULTILINE)
    assert len(text) <= MAX_CHARACTERS
    for private in (str(root), str(root.parent), "/tmp/", SECRET):
        assert private not in text


def test_the_guide_shows_what_is_really_written(text: str) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "guide" / "review.md").read_text(encoding="utf-8")
    example = re.search(r"<!-- example: .*?-->\n~~~markdown\n(.*?)\n~~~", guide, re.DOTALL)
    assert example is not None
    lines = [line for line in example[1].splitlines() if line]
    assert len(lines) > 20
    assert [line for line in lines if line not in text.splitlines()] == []


@pytest.mark.parametrize("limit", [9_000, 6_000, 3_000, 1_500])
def test_a_long_description_is_abridged_and_says_so(change: Change, limit: int) -> None:
    text = to_markdown(describe(change), limit)
    assert len(text) <= limit
    assert "./clarivum pr --format json" in text
    if limit >= 3_000:
        assert "### Look at first" in text
