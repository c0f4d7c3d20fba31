"""auth/worker-in-route: who becomes the worker says why, and nobody says so in vain."""

from pathlib import Path

import pytest

from clarivum.checks import Facts, Finding, choose, run
from clarivum.clock import SYSTEM_CLOCK
from tests.integration.checks.checking import TODAY, copied, forget

ROUTES = "clean_backend/notes/routes.py"
DECLARED = '@get("/api/v1/notes", access=authenticated())'
HANDLER = "    note: Any = await tx.one(queries.add_note, **body.model_dump())\n"
IN_HANDLER = f"    with tx.as_worker():\n    {HANDLER}"
IN_HELPER = """

async def _stored(tx: Transaction, body: NewNote) -> Any:
    with tx.as_worker():
        return await tx.one(queries.add_note, **body.model_dump())
"""


def findings(root: Path, *edits: tuple[str, str], appended: str = "") -> list[Finding]:
    """What the rule finds after replacing texts of the clean application's routes."""
    file = root / ROUTES
    text = file.read_text(encoding="utf-8") + appended
    for before, after in edits:
        assert before in text
        text = text.replace(before, after)
    file.write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root))
        forget("clean_backend")
        with Facts("clean_backend.app:application", today=TODAY, root=root) as facts:
            found = list(run(facts, choose(["auth/worker-in-route"]), SYSTEM_CLOCK).findings)
        forget("clean_backend")
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return copied("clean", tmp_path)


def test_a_handler_that_becomes_the_worker_is_found(root: Path) -> None:
    (found,) = findings(root, (HANDLER, IN_HANDLER))
    assert (found.subject, found.file, found.owner) == ("POST /api/v1/notes", ROUTES, "growth")
    assert found.message.startswith("add_note becomes clarivum_worker")
    line = (root / ROUTES).read_text(encoding="utf-8").splitlines()[found.line - 1]
    assert line.strip() == "with tx.as_worker():"


def test_a_helper_that_becomes_the_worker_is_found_at_each_route_that_calls_it(root: Path) -> None:
    calling = "    note: Any = await _stored(tx, body)\n"
    (found,) = findings(root, (HANDLER, calling), appended=IN_HELPER)
    assert found.message.startswith("_stored becomes clarivum_worker")


def test_a_declared_reason_is_enough(root: Path) -> None:
    declared = ("status_code=201)", 'status_code=201, as_worker="nobody may add one alone")')
    assert findings(root, (HANDLER, IN_HANDLER), declared) == []


def test_a_reason_that_nothing_needs_is_found(root: Path) -> None:
    (found,) = findings(root, (DECLARED, DECLARED[:-1] + ', as_worker="once it did")'))
    assert (found.subject, "nothing that its handler calls" in found.message) == ("GET /api/v1/notes", True)
