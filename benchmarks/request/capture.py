"""The lead capture: a row and the message that wakes its job, in one transaction; against pgbench with the same SQL."""

from collections.abc import Sequence

from benchmarks.harness.processes import NotReadyError, Running, post, running, wait_until_answering
from benchmarks.harness.results import Aim, Run, Scenario, Target, runs_of
from benchmarks.harness.rounds import Contender, measured, run_rounds
from benchmarks.harness.sockets import Requests
from benchmarks.harness.spread import paired_ratio
from benchmarks.request.bench import NUMBERS_A_RUN, Bench
from benchmarks.request.floor import awaited, observed, pipelined
from benchmarks.request.targets import ROOT, HttpTarget, ours_target
from benchmarks.request.work import CAPTURE_PATH, capture_requests
from bff.leads.jobs import enrich_lead
from bff.leads.queries import queries as leads
from clarivum.database import ANONYMOUS
from clarivum.database.wire.prepared import BEGIN_CONTEXT, SET_ROLE
from clarivum.jobs.transports.pgmq import send_statement
from clarivum.testing.ports import free_port

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
        contenders = [_ours(bench, target, process), *_floor(bench, port)]
        targets, missing = run_rounds(contenders, bench.options.runs, bench.say)
        layers = bench.profile(port, process.pid, capture_requests())
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
        profile=layers,
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


def capture_values() -> dict[str, dict[int, str]]:
    """The pgbench expressions of every statement with parameters; a capture differs by the random number `n`."""
    context = {1: f"'{ANONYMOUS.role}'", 2: "''", 3: f"'{ANONYMOUS.statement_timeout_ms}'", 4: "'off'"}
    capture, send = leads.capture_lead, send_statement(enrich_lead.queue)
    return {
        BEGIN_CONTEXT.sql: context,
        SET_ROLE.sql: {1: "'clarivum_worker'"},
        capture.sql: {number: CAPTURE_VALUES[name] for number, name in enumerate(capture.parameters, 1)},
        send.sql: {number: ENQUEUE_VALUES[name] for number, name in enumerate(send.parameters, 1)},
    }


def round_trips(statements: Sequence[str]) -> list[Sequence[str]]:
    """Up to the lead's insert, whose id the message needs, and the rest."""
    split = 1 + next(place for place, statement in enumerate(statements) if "insert into public.leads" in statement)
    return [statements[:split], statements[split:]]


def _floor(bench: Bench, port: int) -> list[Contender]:
    """pgbench with the statements of one capture."""
    statements = observed(bench, lambda: _capture_once(bench, port), capture_values())
    variables = ["n random(1, 9000000000000000)"]
    two_trips = "the statements of our capture in the same two round trips, a connection for each caller"
    each = f"the same, each awaited: {len(statements)} round trips"
    return [
        pipelined(bench, round_trips(statements), variables, two_trips, lambda: _empty(bench)),
        awaited(bench, statements, variables, each, lambda: _empty(bench)),
    ]


def _capture_once(bench: Bench, port: int) -> None:
    bench.loads += 1
    head, _, body = Requests(capture_requests(), bench.loads * NUMBERS_A_RUN).next().partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    post(port, CAPTURE_PATH, headers, body)


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


def _empty(bench: Bench) -> None:
    """Every run begins with empty tables: what an earlier one left must not make a later one slower."""
    bench.scratch.execute(f"truncate public.leads, pgmq.q_{enrich_lead.queue}, clarivum.job_runs")
    bench.scratch.execute("checkpoint")
