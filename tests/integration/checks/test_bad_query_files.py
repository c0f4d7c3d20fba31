"""Query files that are no such: each ends in a finding with file and line, and none in a stack trace."""

from datetime import date
from pathlib import Path

import pytest

from clarivum.checks import Facts, Report, choose, run
from clarivum.clock import SYSTEM_CLOCK
from tests.integration.checks.checking import APPLICATIONS, copied, forget

GOOD = (APPLICATIONS / "clean" / "clean_backend" / "notes" / "queries.sql").read_bytes()
FILE = "clean_backend/notes/queries.sql"
END = GOOD.count(b"\n") + 2
"""The line of what is added below."""
RULES = ["database/query-file-invalid", "database/query-invalid", "database/query-unknown-parameter"]


def check(root: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> Report:
    (root / FILE).write_bytes(content)
    monkeypatch.syspath_prepend(str(root))
    try:
        with Facts("clean_backend.app:application", today=date(2027, 1, 15)) as facts:
            return run(facts, choose(RULES), SYSTEM_CLOCK)
    finally:
        forget("clean_backend")


def added(text: str) -> bytes:
    return GOOD + b"\n" + text.encode()


@pytest.mark.parametrize(
    ("content", "line", "subject", "message"),
    [
        (added("-- name: mark_done -> none\nselect 1;"), END, "mark_done", "there is a query of this name at line"),
        (added("-- name: bad -> many\nselect 1 as a; select 2 as b;"), END + 1, "bad", "more than one statement"),
        (added("-- name: bad -> many\nselect id\nfrom public.notes form\nwhere = 1;"), END + 3, "bad", "syntax error"),
        (added("-- name: bad\nselect 1;"), END, "queries.sql", "cannot read `-- name: bad`"),
        (added("-- name: bad -> several\nselect 1;"), END, "bad", "unknown kind 'several'"),
        (added("-- name: bad -> many\n-- Nothing."), END, "bad", "there is no statement"),
        (added("-- name: bad -> many\n\\d notes"), END + 1, "bad", "does not start a query"),
        (added("-- name: bad -> none\nset role anon;"), END + 1, "bad", "does not start a query"),
        (added("-- name: bad -> many\nselect 'x;"), END + 1, "bad", "unterminated '"),
        (b"", 1, "queries.sql", "declares no query"),
        (b"-- Nothing yet.\n", 1, "queries.sql", "declares no query"),
        (b"-- Nothing yet.\nselect 1;\n", 2, "queries.sql", "SQL before the first `-- name:`"),
        (b"\xef\xbb\xbf" + GOOD, 1, "queries.sql", "begins with a byte order mark"),
        (GOOD + b"-- \xff\n", END - 1, "queries.sql", "not UTF-8"),
    ],
)
def test_a_fault_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, line: int, subject: str, message: str
) -> None:
    (finding,) = check(copied("clean", tmp_path), content, monkeypatch).findings
    assert (finding.rule, finding.file, finding.line) == ("database/query-file-invalid", FILE, line)
    assert finding.subject == subject
    assert message in finding.message


def test_lines_that_end_as_on_windows_are_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(copied("clean", tmp_path), GOOD.replace(b"\n", b"\r\n"), monkeypatch).findings == ()


def test_what_the_database_refuses_is_told_at_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = added("-- name: bad -> many\nselect id\nfrom public.notes\nwhere colour = %(colour)s;")
    (finding,) = check(copied("clean", tmp_path), content, monkeypatch).findings
    assert (finding.rule, finding.line) == ("database/query-invalid", END + 3)
    assert 'column "colour" does not exist' in finding.message


def test_a_parameter_that_no_call_gives_is_told_at_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = GOOD.replace(b"where id = %(note_id)s", b"where id = %(noteid)s")
    (finding,) = check(copied("clean", tmp_path), content, monkeypatch).findings
    assert (finding.rule, finding.file) == ("database/query-unknown-parameter", "clean_backend/notes/jobs.py")
    assert finding.message == "unknown note_id; missing noteid: mark_done takes noteid"
