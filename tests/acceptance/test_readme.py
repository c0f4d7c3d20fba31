"""What the README shows is run, and what `up` prints to paste is pasted."""

import re
import subprocess

from tests.acceptance.running import ROOT, Up


def _paste(up: Up, lines: str) -> str:
    env = {**up.env, "CLARIVUM_DATA": str(up.data)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_block_that_up_prints_works_when_pasted(backend: Up) -> None:
    block = re.search(r"Try it:\n\n(.*?)\n\n", backend.printed, re.DOTALL)
    assert block
    output = _paste(backend, block[1])
    assert '"status":"accepted"' in output
    assert '"product":"insights"' in output
    assert "leads.enrich" in output


def test_the_readmes_block_is_the_same(backend: Up) -> None:
    text = (ROOT / "README.md").read_text()
    block = re.search(r"<!-- try-it.*?```sh\n(.*?)```", text, re.DOTALL)
    assert block
    output = _paste(backend, block[1].replace("localhost:8000", f"localhost:{backend.port}"))
    assert '"status":"accepted"' in output
    assert '"product":"insights"' in output
    assert "leads.enrich" in output


def test_the_two_commands_are_the_readmes_first_lines() -> None:
    first = re.search(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert first
    assert re.findall(r"^\./clarivum \w+", first[1], re.MULTILINE) == ["./clarivum up", "./clarivum test"]
