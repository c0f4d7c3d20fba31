"""The deployment package of a function holds what it loads."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]


def test_the_deployment_package_holds_what_a_function_loads() -> None:
    """infra/function-requirements.txt and what that needs, against the distributions whose modules were loaded."""
    script = (
        "import sys, clarivum.jobs.lambda_handler, bff.app, uvloop;"
        "import clarivum.telemetry.exports, clarivum.database.wire.connect;"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    distributions = metadata.packages_distributions()
    loaded = {_plain(found) for name in done.stdout.split() for found in distributions.get(name, [])}
    lines = (ROOT / "infra" / "function-requirements.txt").read_text().splitlines()
    packaged: set[str] = set()
    for line in lines:
        if not line.startswith("#"):
            packaged |= _closure(line)
    at_start = {"greenlet"}  # by a .pth file of this environment, before anything of ours
    assert loaded - packaged - {"clarivum"} - at_start == set()


def _closure(requirement: str) -> set[str]:
    """A distribution and all that it needs here."""
    wanted = Requirement(requirement)
    found, waiting = set[str](), [(wanted.name, frozenset(wanted.extras))]
    while waiting:
        name, extras = waiting.pop()
        found.add(_plain(name))
        for each in map(Requirement, metadata.requires(name) or ()):
            applies = each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras or {""})
            if applies and _plain(each.name) not in found:
                waiting.append((each.name, frozenset(each.extras)))
    return found


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
