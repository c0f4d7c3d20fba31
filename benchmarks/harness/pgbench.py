"""The floor: the same SQL from pgbench, with no HTTP, no token and no contract in front of it."""

import os
import re
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.harness.load import GRACE_S, LoadError, children_cpu_seconds
from benchmarks.harness.processes import cpu_seconds, stop
from benchmarks.harness.results import Cpu, Run
from benchmarks.harness.scratch import Scratch
from benchmarks.harness.spread import percentile

WARM_UP_S = 1.5
LOG = "pgbench_log"
FAILED = re.compile(r"number of failed transactions: (\d+)")
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


def run_pgbench(scratch: Scratch, script_text: str, folder: Path, *, clients: int, seconds: float) -> Run:
    """Run a script with `clients` connections of the application's login. Raises LoadError.

    New backends fill their caches and prepare their statements first: what happens before `WARM_UP_S` is not counted.
    """
    file = folder / "pgbench.sql"
    file.write_text(script_text)
    for old in folder.glob(f"{LOG}.*"):
        old.unlink()
    whole_s = max(round(WARM_UP_S + seconds), 2)
    command = [str(scratch.server.program("pgbench")), "--no-vacuum", "--protocol=prepared", f"--client={clients}"]
    command += ["--jobs=1", f"--time={whole_s}", f"--file={file}", "--log", f"--log-prefix={folder / LOG}"]
    children = children_cpu_seconds()
    process = subprocess.Popen(
        command,
        env={**os.environ, **_environ(scratch)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        time.sleep(WARM_UP_S)
        window, generator, database = time.time(), cpu_seconds(process.pid), cpu_seconds(scratch.server.pid)
        output, errors = process.communicate(timeout=whole_s + GRACE_S)
    except subprocess.TimeoutExpired:
        raise LoadError(f"pgbench did not end within {whole_s + GRACE_S:.0f} s") from None
    finally:
        stop(process)
    if process.returncode:
        raise LoadError(f"pgbench ended with code {process.returncode}: {errors[-600:].strip()}")
    spent = Cpu(
        server=0.0,
        database=cpu_seconds(scratch.server.pid) - database,
        generator=children_cpu_seconds() - children - generator,
    )
    lines = (line for log in folder.glob(f"{LOG}.*") for line in log.read_text().splitlines())
    return read_result(output, lines, window, spent)


def read_result(output: str, log: Iterable[str], window: float, spent: Cpu) -> Run:
    """The transactions of pgbench's log that ended after `window`, in seconds since the epoch. Raises LoadError.

    A line of the log is: client, transaction, latency in µs, script, then the end in seconds and microseconds.
    """
    failed = FAILED.search(output)
    ended = [(float(line[4]) + float(line[5]) / 1e6, int(line[2]) / 1e3) for line in map(str.split, log)]
    counted = [(end, latency_ms) for end, latency_ms in ended if end >= window]
    if failed is None or not counted:
        raise LoadError(f"pgbench gave no result: {output[-400:]!r}")
    ordered = sorted(latency_ms for _, latency_ms in counted)
    return Run(
        per_second=len(counted) / (max(counted)[0] - window),
        units=len(counted),
        errors=int(failed[1]),
        p50_ms=percentile(ordered, 0.5),
        p99_ms=percentile(ordered, 0.99),
        cpu_s=spent,
    )


def _environ(scratch: Scratch) -> dict[str, str]:
    """The connection, password included, where no process list shows it."""
    names = {"host": "PGHOST", "port": "PGPORT", "name": "PGDATABASE", "user": "PGUSER", "password": "PGPASSWORD"}
    return {names[name]: str(value) for name, value in scratch.address.items()}
