"""`./clarivum bench request`: both scenarios on one scratch database."""

from datetime import UTC, datetime

from benchmarks.harness.identity import identity
from benchmarks.harness.load import generator_name
from benchmarks.harness.machine import machine_facts
from benchmarks.harness.peers import NodePeers, PythonPeers, install_node_peers, install_python_peers
from benchmarks.harness.results import Result
from benchmarks.harness.rounds import Say
from benchmarks.harness.scratch import scratch_database
from benchmarks.harness.versions import versions
from benchmarks.request.bench import Bench, Options
from benchmarks.request.capture import measure_capture
from benchmarks.request.read import measure_read
from benchmarks.request.targets import POOL_CONNECTIONS
from bff.app import application
from clarivum.jobs.transports.queues import ensure_queues


def measure(options: Options, command: str, say: Say) -> Result:
    """Everything from an empty scratch server to the result; what was started is stopped in any case."""
    options.folder.mkdir(parents=True, exist_ok=True)
    facts = machine_facts()
    with scratch_database(options.data, options.postgres, application.migrations) as scratch:
        ensure_queues(scratch.admin_url, application.jobs.values())
        say(f"Postgres {options.postgres} on a scratch directory, migrated")
        with identity(options.folder) as issuer:
            bench = Bench(options, scratch, issuer, say)
            scenarios = (measure_read(bench), measure_capture(bench))
        settings = {
            **facts,
            "runs": f"{options.runs} rounds of {options.seconds:g} s each, order rotated,"
            f" after {options.warm_up_s:g} s of warm-up",
            "load": f"{options.connections} connections from {generator_name()}",
            "pools": f"{POOL_CONNECTIONS} connections a server over loopback TCP; ours reads over 2 more, shared",
        }
        return Result(
            command=command,
            date=datetime.now(UTC).date().isoformat(),
            settings=settings,
            database=scratch.settings,
            versions=_versions(options),
            scenarios=scenarios,
        )


def _versions(options: Options) -> dict[str, str]:
    if not options.peers:
        return versions(None, None)
    node, python = install_node_peers(options.data), install_python_peers(options.data)
    return versions(node if isinstance(node, NodePeers) else None, python if isinstance(python, PythonPeers) else None)
