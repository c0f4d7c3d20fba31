"""The rule on spans and metrics: what it asserts is what the exporters were given."""

from pathlib import Path

import pytest

from clarivum.checks import Facts, choose, run
from clarivum.clock import SYSTEM_CLOCK
from tests.integration.checks.checking import TODAY, copied, forget

RULE = "telemetry/span-or-metric-missing"
ROUTES_AND_JOBS = {"GET /api/v1/notes", "POST /api/v1/notes", "GET /api/v1/topics", "notes.tidy"}


def findings(root: Path, environ: dict[str, str]) -> dict[str, str]:
    with Facts("clean_backend.app:application", today=TODAY, root=root, environ=environ) as facts:
        report = run(facts, choose([RULE]), SYSTEM_CLOCK)
    return {finding.subject: finding.message for finding in report.findings}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = copied("clean", tmp_path)
    monkeypatch.syspath_prepend(str(root))
    forget("clean_backend")
    return root


def test_every_route_and_job_leaves_span_and_metric(root: Path) -> None:
    assert findings(root, {}) == {}


def test_telemetry_that_is_switched_off_is_found_at_every_route_and_job(root: Path) -> None:
    found = findings(root, {"OTEL_SDK_DISABLED": "true"})
    assert found.keys() == ROUTES_AND_JOBS
    assert found["GET /api/v1/topics"] == (
        "after a request no span 'GET /api/v1/topics' and no metric http_server_request_duration_seconds came out"
    )


def test_a_sampler_that_drops_everything_is_found(root: Path) -> None:
    found = findings(root, {"OTEL_TRACES_SAMPLER": "always_off"})
    assert found.keys() == ROUTES_AND_JOBS
    assert found["notes.tidy"] == "after a message no span 'process notes_tidy' came out"
