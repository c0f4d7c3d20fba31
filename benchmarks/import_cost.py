"""What importing the Lambda handler costs, beside what Powertools for AWS Lambda needs for the same.

    ./clarivum bench imports

Each import is a fresh interpreter; rounds alternate. CPU time of the process less that of an empty one, and wall time:
on a machine that does something else CPU time is the one to believe. Bytecode is there, files are in the page cache.

Powertools: batch, parser, idempotency (with its DynamoDB table) and tracer, from the lock of benchmarks/peers. Each has
an environment of its own with what its function's package holds, and boto3, which Lambda's runtime brings. Neither is
ready by its import alone: ours loads the database driver before it connects; Powertools makes a client and loads the
X-Ray SDK where a function's module makes its table and tracer, as its documentation has it. Lambda waits for that too,
so it is measured as well: `ready`.
"""

import os
import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.harness.functions import install_function
from benchmarks.harness.load import ROOT, LoadError
from benchmarks.harness.peers import PEERS, Unavailable

AIM_MS = 230.0
PEER = "Powertools"
OURS = "import clarivum.jobs.lambda_handler"
OURS_READY = f"{OURS}, clarivum.database.wire.connect, clarivum.database.wire.decode"
ENVIRON = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRON |= {"AWS_DEFAULT_REGION": "eu-central-1", "PYTHONPATH": str(ROOT / "src")}
OUR_PACKAGE = (["-r", str(ROOT / "infra" / "function-requirements.txt")], ROOT / "requirements.lock")
PEERS_PACKAGE = (["aws-lambda-powertools[parser,tracer]"], PEERS / "requirements.lock")
POWERTOOLS = (
    "from aws_lambda_powertools import Tracer\n"
    "from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response\n"
    "from aws_lambda_powertools.utilities.parser import BaseModel, event_parser\n"
    "from aws_lambda_powertools.utilities.parser.models import SqsRecordModel\n"
    "from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, idempotent_function\n"
)
POWERTOOLS_READY = POWERTOOLS + (
    "tracer = Tracer(service='bench')\n"
    "processor = BatchProcessor(event_type=EventType.SQS)\n"
    "store = DynamoDBPersistenceLayer(table_name='bench')\n"
)


@dataclass(frozen=True, slots=True)
class ImportCost:
    """Seconds of each round."""

    what: str
    cpu_s: Sequence[float]
    wall_s: Sequence[float]

    @property
    def cpu_ms(self) -> float:
        return median(self.cpu_s) * 1e3

    @property
    def wall_ms(self) -> float:
        return median(self.wall_s) * 1e3


def measure(
    data: Path, rounds: int = 15, say: Callable[[str], None] = lambda text: None
) -> tuple[list[ImportCost], str | None]:
    """Ours and the peer's, and why the peer is missing if it is. Raises LoadError when ours cannot be installed."""
    say("installing what the functions load (once)")
    python = install_function(data, "clarivum", *OUR_PACKAGE)
    if isinstance(python, Unavailable):
        raise LoadError(python.reason)
    programs = {"Clarivum": (python, OURS), "Clarivum, ready": (python, OURS_READY)}
    peer = install_function(data, "powertools", *PEERS_PACKAGE)
    if isinstance(peer, Path):
        programs |= {PEER: (peer, POWERTOOLS), f"{PEER}, ready": (peer, POWERTOOLS_READY)}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for python, script in programs.values():
        _once(python, script)  # bytecode and page cache
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for name, (python, script) in programs.items():
            nothing, all_of_it = _once(python, "pass"), _once(python, script)
            taken[name].append((all_of_it[0] - nothing[0], all_of_it[1] - nothing[1]))
    costs = [ImportCost(name, [each[0] for each in some], [each[1] for each in some]) for name, some in taken.items()]
    return costs, peer.reason if isinstance(peer, Unavailable) else None


def report(costs: Sequence[ImportCost]) -> str:
    """A table, and whether the aims are met."""
    lines = [f"{'import of':<18}{'CPU, median':>14}{'least':>10}{'wall, median':>16}"]
    lines += [
        f"{cost.what:<18}{cost.cpu_ms:>11.0f} ms{min(cost.cpu_s) * 1e3:>7.0f} ms{cost.wall_ms:>13.0f} ms"
        for cost in costs
    ]
    cpu_ms = {cost.what: cost.cpu_ms for cost in costs}
    lines.append(f"aim: at most {AIM_MS:.0f} ms: {'met' if cpu_ms['Clarivum'] <= AIM_MS else 'not met'}")
    for ours, peer in (("Clarivum", PEER), ("Clarivum, ready", f"{PEER}, ready")):
        if peer in cpu_ms:
            share = cpu_ms[ours] / cpu_ms[peer]
            lines.append(f"aim: at most half of {peer}: {share:.2f} of it, {'met' if share <= 0.5 else 'not met'}")
    return "\n".join(lines)


def _once(python: Path, script: str) -> tuple[float, float]:
    """CPU and wall seconds of one interpreter that runs the script."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [python, "-c", script], check=True, cwd=ROOT, env=ENVIRON, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wall_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall_s
