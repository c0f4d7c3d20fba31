"""What docs/guide/telemetry.md shows, works."""

import re
import subprocess
import sys
from pathlib import Path

from clarivum.telemetry import instruments

PAGE = Path(__file__).parents[3] / "docs" / "guide" / "telemetry.md"


def test_its_examples_run():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 4
    done = subprocess.run([sys.executable, "-c", "\n".join(blocks)], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_metrics_it_names_exist():
    named = set(re.findall(r"`((?:http|db|messaging|otel\.sdk)\.[a-z_.]+)(?:\{[^`]*)?`", PAGE.read_text()))
    assert named >= {"http.server.request.duration", "otel.sdk.processor.span.processed"}
    assert named <= set(instruments.REGISTRY)
