"""What the API answers is what its OpenAPI document says: Schemathesis makes the requests, good and bad ones."""

import subprocess
import sys
from pathlib import Path

from tests.integration.api.api_process import RunningApi

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "unsupported_method",
)
MISBEHAVING = r"^/(slow|pause|broken|misfit|rare|held/notes)$"


def test_the_document_tells_the_truth(api: RunningApi, tmp_path: Path) -> None:
    token = api.token("auth0|schemathesis", "editor")["authorization"]
    command = [
        Path(sys.executable).with_name("schemathesis"),
        *("run", f"http://127.0.0.1:{api.port}/openapi.json"),
        *("--header", f"authorization: {token}"),
        *("--exclude-path-regex", MISBEHAVING),
        *("--checks", ",".join(CHECKS)),
        *("--phases", "examples,coverage,fuzzing"),
        *("--max-examples", "8", "--seed", "1", "--request-timeout", "5", "--no-color"),
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=110)
    assert found.returncode == 0, found.stdout[-6_000:]
    assert "Tested: 10" in found.stdout
