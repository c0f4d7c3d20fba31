"""What the rule on undeclared queries takes for SQL, and what it lets be."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from clarivum.checks.rules.database import query_not_declared
from clarivum.checks.sources import read_sources


def messages(folder: Path, text: str) -> list[str]:
    """What is said about a module; the application itself is not loaded."""
    package = folder / "shop"
    package.mkdir()
    (package / "routes.py").write_text(text, encoding="utf-8")
    sources, _ = read_sources("shop", package, folder)
    facts = SimpleNamespace(sources=sources, loading=SimpleNamespace(application=None), root=folder)
    return [problem.message for problem in query_not_declared.look(facts)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        'SQL = "select id from leads where email = %(email)s"',
        'SQL = "SELECT id\\n  FROM leads"',
        'SQL = f"select id from {table}"',
        'SQL = "insert into leads (email) values (%s)"',
        'SQL = "delete from leads"',
        'SQL = "with recent as (select 1) select * from recent"',
        'SQL = "set local role service_role"',
        'SQL = "alter table leads disable row level security"',
        'tx.execute("vacuum")',
        'tx.execute("select " + column)',
        'tx.execute("select {}".format(column))',
        'text = "select 1"\ntx.one(text)',
        "import asyncpg",
        "from sqlalchemy.orm import Session",
    ],
)
def test_sql_outside_a_query_file_is_found(tmp_path: Path, text: str) -> None:
    assert len(messages(tmp_path, text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        '"""Select a lead from the list and update it."""',
        'def f():\n    """select id from leads"""',
        'LIMIT = 5\n"""select id from leads, as people say"""',
        'message = "Select a topic from the list below"',
        'message = "Update the profile, then set a name"',
        'message = "Delete from the basket?"',
        "tx.execute(queries.capture_lead, email=email)",
        'client.get("/select")',
        "import clarivum.database",
    ],
)
def test_prose_and_declared_queries_are_not(tmp_path: Path, text: str) -> None:
    assert messages(tmp_path, text) == []
