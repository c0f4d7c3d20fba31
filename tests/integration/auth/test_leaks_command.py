"""`bench leaks` on a small scale: it passes on what we have, and sees what it is there to see."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.leaks import run
from benchmarks.leaks.run import Asked, Result, storm
from clarivum.database import transaction
from clarivum.errors import Exit
from clarivum.testing.postgres import DatabaseUrls

ROOT = Path(__file__).resolve().parents[3]
REQUESTS = 600


def stormed(urls: DatabaseUrls, requests: int = REQUESTS) -> Result:
    return storm(urls.admin, urls.app, Asked(requests, seed=1), lambda _line: None)


def test_the_command_finds_no_foreign_row() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "clarivum", "bench", "leaks", "--requests", "1500", "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["foreign"], result["unexpected"], result["connections"]) == ([], [], 4)
    outcomes = result["outcomes"]
    assert sum(count for name, count in outcomes.items() if name.startswith(("answered ", "given up"))) >= 1_500
    assert 1_500 / 20 < outcomes["given up"] < 1_500 / 5
    assert outcomes["connections ended"] == 4
    assert outcomes["answered 422"] + outcomes["answered 409"] > 1_500 / 20
    assert result["looked_at"] > 1_500 / 2


@pytest.mark.parametrize(
    "planted",
    [
        "alter policy tenant_notes_own on public.tenant_notes using (true);",
        "create policy tenant_notes_more on public.tenant_notes for select to authenticated"
        " using (tenant = 'tenant-7');",
        "alter table public.tenant_notes disable row level security;",
    ],
)
def test_a_wrong_policy_is_seen(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, planted: str) -> None:
    monkeypatch.setattr(run, "WORLD", run.WORLD + planted)
    result = stormed(database_urls)
    assert result.foreign
    assert not result.passed


def test_claims_of_the_request_before_are_seen(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> None:
    real, sent = transaction.context_values, list[Any]()

    def late(context: Any, *, read_only: bool) -> list[bytes | None]:
        """Every fiftieth transaction begins with the claims of another one."""
        sent.append(context)
        return real(sent[-2] if len(sent) % 50 == 0 else context, read_only=read_only)

    monkeypatch.setattr(transaction, "context_values", late)
    assert stormed(database_urls).foreign


def test_rows_in_an_answer_that_should_be_a_problem_are_unexpected(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.leaks.storm.EXPECTED", frozenset({200}))
    assert stormed(database_urls, 200).unexpected


def test_a_part_of_a_run_is_not_kept() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "clarivum", "bench", "leaks", "--requests", "1000", "--write"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == Exit.USAGE
    assert "at least 100,000 requests" in done.stderr
