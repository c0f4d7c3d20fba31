"""Which pages tell of the jobs, and what they should hold now."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clarivum.checks.pages.job_runbook import runbook_page
from clarivum.checks.pages.jobs import jobs_page
from clarivum.checks.pages.registry import Page
from clarivum.jobs import Job
from clarivum.owners import Owner

JOBS_PAGE = "docs/jobs.md"
RUNBOOK = "docs/runbooks/deployment.md"


def job_pages(jobs: Mapping[str, Job[Any]], owners: Mapping[str, Owner], root: Path) -> dict[str, str]:
    """The text of each page by its path below `root`. Without jobs there is none.

    Raises ConfigurationError when the marks of the runbook are broken.
    """
    if not jobs:
        return {}
    path = root / RUNBOOK
    there = path.read_text(encoding="utf-8") if path.is_file() else "# Deployment\n"
    return {
        JOBS_PAGE: Page(JOBS_PAGE, lambda: jobs_page(jobs, owners, root)).text(),
        RUNBOOK: runbook_page(there, jobs, owners, RUNBOOK),
    }
