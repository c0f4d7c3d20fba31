"""Generated pages are what their command would write now."""

from pathlib import Path

import pytest

from clarivum.checks.pages.registry import Page, first_difference, pages

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.path)
def test_a_page_is_up_to_date(page: Page) -> None:
    there = (ROOT / page.path).read_text(encoding="utf-8")
    assert first_difference(there, page.text()) == 0, f"run ./clarivum docs: {page.path} differs"
