"""Generated pages are what their command would write now."""

from datetime import date
from pathlib import Path

import pytest

from clarivum.application import load_application
from clarivum.checks import Facts
from clarivum.checks.erd import PAGE, erd_page, erd_parts
from clarivum.checks.pages.job_pages import JOBS_PAGE, RUNBOOK, job_pages
from clarivum.checks.pages.registry import ELSEWHERE, Page, first_difference, pages
from clarivum.jobs.typescript import client_files
from clarivum.owners import parse_owners

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.path)
def test_a_page_is_up_to_date(page: Page) -> None:
    there = (ROOT / page.path).read_text(encoding="utf-8")
    assert first_difference(there, page.text()) == 0, f"run ./clarivum docs: {page.path} differs"


@pytest.mark.parametrize("page", [JOBS_PAGE, RUNBOOK])
def test_a_page_of_the_jobs_is_up_to_date(page: str) -> None:
    owners = parse_owners((ROOT / "owners.toml").read_text(encoding="utf-8"))
    wanted = job_pages(load_application("bff.app:application").jobs, owners, ROOT)[page]
    there = (ROOT / page).read_text(encoding="utf-8")
    assert first_difference(there, wanted) == 0, f"run ./clarivum docs: {page} differs"


def test_the_typescript_client_is_up_to_date() -> None:
    for file, wanted in client_files(load_application("bff.app:application").jobs).items():
        there = (ROOT / file).read_text(encoding="utf-8")
        assert first_difference(there, wanted) == 0, f"run ./clarivum jobs types: {file} differs"


def test_the_diagram_and_the_table_list_are_up_to_date() -> None:
    command = ELSEWHERE[PAGE.as_posix()]
    there = (ROOT / PAGE).read_text(encoding="utf-8")
    with Facts("bff.app:application", today=date(2026, 11, 26)) as facts:
        wanted = erd_page(there, erd_parts(facts))
    assert first_difference(there, wanted) == 0, f"run {command}: {PAGE} differs"
