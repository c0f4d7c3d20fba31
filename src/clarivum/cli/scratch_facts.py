"""The facts of an application for one command: made on a scratch database, with progress told, and cleared away."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from clarivum.checks import Facts
from clarivum.cli.progress import Progress
from clarivum.errors import DeclarationError, RefusedError


@contextmanager
def scratch_facts(application: str, postgres: int) -> Iterator[Facts]:
    """The facts of `module:attribute` as of today, UTC. A SIGTERM leaves through this block, so that nothing stays."""
    signal.signal(signal.SIGTERM, _end)
    today = datetime.now(UTC).date()
    with (
        Progress() as progress,
        Facts(application, today=today, progress=progress, postgres=postgres, environ=os.environ) as facts,
    ):
        yield facts


def require_usable(facts: Facts) -> None:
    """Raises DeclarationError when the application does not load, RefusedError when its migrations are refused."""
    for refusal in facts.loading.refusals:
        raise DeclarationError(f"{refusal.file}:{refusal.line}: {refusal.message}")
    refused = facts.migration_refusal
    if refused is not None:
        raise RefusedError(f"{refused.file}:{refused.line}: {refused.message}")


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)
