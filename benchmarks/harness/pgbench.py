"""The floor: the same SQL from pgbench, with no HTTP, no token and no contract in front of it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.harness.load import GRACE_S, Load, LoadError, run_timed
from benchmarks.harness.scratch import Scratch
from benchmarks.harness.spread import percentile

FAILED = re.compile(r"number of failed transactions: (\d+)")
TPS = re.compile(r"tps = ([\d.]+) \(without initial connection time\)")
DONE = re.compile(r"number of transactions actually processed: (\d+)")
PARAMETER = re.compile(r"\$(\d+)\b")


def inlined(sql: str, expressions: Mapping[int, str]) -> str:
    """SQL with each `$n` replaced by the pgbench expression given for n. Raises KeyError for one not given."""
    return PARAMETER.sub(lambda match: expressions[int(match[1])], sql)


def script(statements: Sequence[str], *, variables: Sequence[str] = (), pipelined: bool = False) -> str:
    """A pgbench script of one transaction; `pipelined` sends all of it before it reads an answer."""
    lines = [f"\\set {variable}" for variable in variables]
    body = [" ".join(statement.split()).rstrip(";") + ";" for statement in statements]
    if pipelined:
        body = ["\\startpipeline", *body, "\\endpipeline"]
    return "\n".join([*lines, *body]) + "\n"


def run_pgbench(
    scratch: Scratch, script_text: str, folder: Path, *, clients: int, seconds: float, protocol: str = "prepared"
) -> Load:
    """Run a script with `clients` connections of the application's login. Raises LoadError."""
    file = folder / "pgbench.sql"
    file.write_text(script_text)
    prefix = folder / "pgbench_log"
    for old in folder.glob("pgbench_log.*"):
        old.unlink()
    whole_seconds = max(round(seconds), 1)
    command = [str(scratch.server.program("pgbench")), "--no-vacuum", f"--protocol={protocol}", f"--client={clients}"]
    command += ["--jobs=1", f"--time={whole_seconds}", f"--file={file}", "--log", f"--log-prefix={prefix}"]
    address = scratch.address
    environ = {
        "PGHOST": str(address["host"]),
        "PGPORT": str(address["port"]),
        "PGDATABASE": str(address["name"]),
        "PGUSER": str(address["user"]),
        "PGPASSWORD": str(address["password"]),
    }
    output, cpu_s = run_timed(command, whole_seconds + GRACE_S, environ)
    ordered = sorted(_latencies_ms(folder))
    return read_result(output, ordered, cpu_s)


def read_result(output: str, ordered_ms: Sequence[float], cpu_s: float) -> Load:
    """What pgbench printed, with the latencies of its log in ascending order. Raises LoadError."""
    tps, done, failed = TPS.search(output), DONE.search(output), FAILED.search(output)
    if not (tps and done and ordered_ms):
        raise LoadError(f"pgbench gave no result: {output[-400:]!r}")
    requests = int(done[1])
    return Load(
        requests=requests,
        seconds=requests / float(tps[1]),
        errors=int(failed[1]) if failed else 0,
        p50_ms=percentile(ordered_ms, 0.5),
        p99_ms=percentile(ordered_ms, 0.99),
        generator_cpu_s=cpu_s,
    )


def _latencies_ms(folder: Path) -> list[float]:
    """The third column of the per-transaction log: microseconds."""
    latencies = []
    for log in folder.glob("pgbench_log.*"):
        with log.open() as lines:
            latencies += [int(line.split(" ", 3)[2]) / 1000 for line in lines]
        log.unlink()
    return latencies
