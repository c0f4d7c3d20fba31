"""The lead capture: a row and the message that wakes its job, in one transaction; against pgbench with the same SQL."""

from collections.abc import Sequence

from benchmarks.harness.identity import free_port
from benchmarks.harness.pgbench import inlined, run_pgbench, script
from benchmarks.harness.processes import NotReadyError, Running, running, wait_until_answering
from benchmarks.harness.results import Aim, Run, Scenario, Target, runs_of
from benchmarks.harness.rounds import Contender, measured, run_rounds
from benchmarks.harness.spread import paired_ratio
from benchmarks.request.bench import Bench
from benchmarks.request.targets import ROOT, HttpTarget, ours_target
from benchmarks.request.work import CAPTURE_PATH, capture_requests
from bff.leads.jobs import enrich_lead
from bff.leads.queries import queries as leads
from clarivum.database import ANONYMOUS
from clarivum.database.prepared import BEGIN, BEGIN_CONTEXT, COMMIT, SET_ROLE
from clarivum.jobs.statements import queries as jobs

LEAD_ID = "(md5((:n)::text)::uuid)"
HEADERS = (
    """('{"job": "leads.enrich", "key": "' || """
    + LEAD_ID
    + """ || '", "run_id": "' || """
    + LEAD_ID
    + """ || '", "schema_version": "1", "traceparent": "00-' || md5((:n)::text) || '-00f067aa0ba902b7-01"}')"""
)
CAPTURE_VALUES = {
    "email": "('lead-' || (:n)::text || '@bench.example.com')",
    "source": "'bench'",
    "vertical": "null",
    "marketing_opt_in": "true",
    "utm": "'{}'::jsonb",
}
ENQUEUE_VALUES = {
    "queue": f"'{enrich_lead.queue}'",
    "body": f"""('{{"lead_id": "' || {LEAD_ID} || '"}}')""",
    "headers": HEADERS,
    "delay_s": "0",
}


def measure_capture(bench: Bench) -> Scenario:
    """Ours and pgbench in rounds, each run on empty tables."""
    port = free_port()
    target = ours_target(bench.scratch, bench.identity, port)
    log = bench.options.folder / "ours-capture.log"
    with running(target.command, log, environ=target.environ, directory=ROOT) as process:
        wait_until_answering(process, port)
        if bench.options.warm_up_s:
            bench.send(port, capture_requests(), bench.options.warm_up_s)
        if process.process.poll() is not None:
            raise NotReadyError(f"ours ended while it was warmed up: {process.tail()}")
        contenders = [_ours(bench, target, process), _pgbench(bench, pipelined=True), _pgbench(bench, pipelined=False)]
        targets, missing = run_rounds(contenders, bench.options.runs, bench.say)
    return Scenario(
        name="capture",
        title="A lead captured, with its job enqueued",
        about=(
            f"`POST {CAPTURE_PATH}`: insert the lead, send the message, notify, commit; a new address each time,"
            f" {bench.options.connections} connections, no worker running. Commits wait for the disk."
        ),
        unit="request",
        targets=tuple(targets),
        missing=tuple(missing),
        aims=aims(targets),
    )


def aims(targets: Sequence[Target]) -> tuple[Aim, ...]:
    """What the capture was asked to reach: 0.7 of the same SQL without HTTP, by the same round trips."""
    known = {target.name: target for target in targets}
    ours, floor = known.get("ours"), known.get("pgbench-pipelined")
    if not (ours and floor):
        return ()
    ratio = paired_ratio(runs_of(ours, "per_second"), runs_of(floor, "per_second"))
    return (
        Aim(text="capture, against pgbench with the same SQL", wanted=0.7, unit="×", at_least=True, measured=ratio),
    )


def capture_statements() -> tuple[list[str], list[str]]:
    """The two round trips of our transaction as SQL for pgbench: before the lead's id is known, and after."""
    context = {1: f"'{ANONYMOUS.role}'", 2: "''", 3: f"'{ANONYMOUS.statement_timeout_ms}'", 4: "'off'"}
    capture, send = leads.capture_lead, jobs.send_message
    first = [
        BEGIN.sql,
        inlined(BEGIN_CONTEXT.sql, context),
        inlined(SET_ROLE.sql, {1: "'clarivum_worker'"}),
        inlined(capture.sql, {n: CAPTURE_VALUES[name] for n, name in enumerate(capture.parameters, 1)}),
    ]
    second = [inlined(send.sql, {n: ENQUEUE_VALUES[name] for n, name in enumerate(send.parameters, 1)}), COMMIT.sql]
    return first, second


def _ours(bench: Bench, target: HttpTarget, process: Running) -> Contender:
    requests = capture_requests()

    def measure(_round: int) -> Run:
        _empty(bench)
        return measured(
            lambda: bench.send(target.port, requests, bench.options.seconds),
            server=process.pid,
            database=bench.scratch.server.pid,
        )

    return Contender(target.name, target.title, target.note, measure)


def _pgbench(bench: Bench, *, pipelined: bool) -> Contender:
    first, second = capture_statements()
    variables = ["n random(1, 9000000000000000)"]
    if pipelined:
        text = script(first, variables=variables, pipelined=True) + script(second, pipelined=True)
    else:
        text = script([*first, *second], variables=variables)

    def measure(_round: int) -> Run:
        _empty(bench)
        options = bench.options
        return measured(
            lambda: run_pgbench(
                bench.scratch, text, options.folder, clients=options.connections, seconds=options.seconds
            ),
            server=None,
            database=bench.scratch.server.pid,
        )

    if pipelined:
        note = "the same statements in the same two round trips, on as many connections as there are callers"
        return Contender("pgbench-pipelined", "pgbench, same round trips", note, measure)
    return Contender("pgbench", "pgbench, statement by statement", "each statement awaited: six round trips", measure)


def _empty(bench: Bench) -> None:
    """Every run begins with empty tables: what an earlier one left must not make a later one slower."""
    bench.scratch.execute(f"truncate public.leads, pgmq.q_{enrich_lead.queue}, clarivum.job_runs")
    bench.scratch.execute("checkpoint")
