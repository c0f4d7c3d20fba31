"""The read: ten rows among many, under row-level security, by a member with a verified token."""

import json
import random
from collections.abc import Sequence
from contextlib import ExitStack

import psycopg

from benchmarks.harness.peers import install_node_peers, install_python_peers
from benchmarks.harness.processes import NotReadyError, Running, fetch, running, wait_until_answering
from benchmarks.harness.results import Aim, Missing, Run, Scenario, Target, runs_of
from benchmarks.harness.rounds import Contender, measured, run_rounds
from benchmarks.harness.scratch import fill_entitlements, member_subject
from benchmarks.harness.spread import paired_ratio
from benchmarks.request.bench import Bench
from benchmarks.request.floor import awaited, observed, pipelined
from benchmarks.request.targets import ROOT, HttpTarget, http_targets, ours_target, raw_asgi_target
from benchmarks.request.work import (
    MEMBERS,
    READ_PATH,
    context_statement,
    read_requests,
    read_statement,
)
from clarivum.errors import DependencyDownError
from clarivum.testing.ports import free_port

MAX_TARGETS = 10
RANDOM_MEMBERS_SEED = 20_261_101
CLAIMS = (
    """('{"sub":"auth0|bench-' || lpad((:member)::text, 6, '0')"""
    """ || '","role":"authenticated","app_roles":["member"]}')"""
)


class WrongAnswerError(DependencyDownError):
    """A target did not do the work: its rows are not the member's, or it took a forged token."""


def measure_read(bench: Bench) -> Scenario:
    """Start everybody, see that each gives the right rows, warm up, measure in rounds."""
    members = fill_entitlements(bench.scratch, bench.options.rows)
    bench.say(f"{bench.options.rows:,} entitlements of {members:,} members loaded")
    chosen = random.Random(RANDOM_MEMBERS_SEED).sample(range(members), min(MEMBERS, members))
    subjects = [member_subject(number) for number in chosen]
    requests = read_requests([bench.identity.member_token(subject) for subject in subjects])
    with ExitStack() as stack:
        started, missing = _start(bench, stack, subjects[0])
        floor = _floor(bench, started[0][0], bench.identity.member_token(subjects[0]), members)
        for target, process in started:
            _warm_up(bench, target, process, requests)
        contenders = [_contender(bench, target, process, requests) for target, process in started]
        targets, failed = run_rounds([*contenders, *floor], bench.options.runs, bench.say)
        measured_targets = [_with_cache_hits(target, started) for target in targets]
        layers = bench.profile(started[0][0].port, started[0][1].pid, requests)
    return Scenario(
        name="read",
        title="An authenticated read under row-level security",
        about=(
            f"`GET {READ_PATH}`: the newest {bench.options.rows // members} of a member's rows among"
            f" {bench.options.rows:,}, by policy; {bench.options.connections} connections, {len(subjects)} members in"
            " turn, one server process each. The same statements, policies and tokens for all."
        ),
        unit="request",
        targets=tuple(measured_targets),
        missing=(*missing, *failed),
        aims=aims(measured_targets),
        profile=layers,
    )


def aims(targets: Sequence[Target]) -> tuple[Aim, ...]:
    """What the read was asked to reach, as ratios of the same round; of the two Buns each round's better one counts."""
    known = {target.name: target for target in targets}
    if "ours" not in known:
        return ()
    rates, p99s = runs_of(known["ours"], "per_second"), runs_of(known["ours"], "p99_ms")
    found = []
    if buns := [known[name] for name in ("bun", "bun-shared") if name in known]:
        best_rates = [max(rounds) for rounds in zip(*(runs_of(bun, "per_second") for bun in buns), strict=True)]
        best_p99s = [min(rounds) for rounds in zip(*(runs_of(bun, "p99_ms") for bun in buns), strict=True)]
        rate, p99 = paired_ratio(rates, best_rates), paired_ratio(p99s, best_p99s)
        found.append(Aim(text="read, against Bun.serve + Bun.sql", wanted=1.25, unit="×", at_least=True, measured=rate))
        found.append(Aim(text="read, p99 against Bun's", wanted=1.0, unit="×", at_least=False, measured=p99))
    if "raw-asgi" in known:
        ratio = paired_ratio(rates, runs_of(known["raw-asgi"], "per_second"))
        text = "read, against raw ASGI on our driver"
        found.append(Aim(text=text, wanted=0.7, unit="×", at_least=True, measured=ratio))
    return tuple(found)


# -- the servers -------------------------------------------------------------------------------------------------------
def _start(bench: Bench, stack: ExitStack, subject: str) -> tuple[list[tuple[HttpTarget, Running]], list[Missing]]:
    """Start what can be started; a target that fails to, or answers wrongly, is missing with its reason."""
    scratch, identity, options = bench.scratch, bench.identity, bench.options
    ports = [free_port() for _ in range(MAX_TARGETS)]
    if options.peers:
        bench.say("installing the peers (once)")
        node, python = install_node_peers(options.data), install_python_peers(options.data)
        targets, missing = http_targets(scratch, identity, ports, node, python)
    else:
        targets = [ours_target(scratch, identity, ports[0]), raw_asgi_target(scratch, identity, ports[1])]
        missing = []
    started = []
    token = identity.member_token(subject)
    for target in targets:
        process = stack.enter_context(
            running(target.command, options.folder / f"{target.name}.log", environ=target.environ, directory=ROOT)
        )
        try:
            wait_until_answering(process, target.port)
            _check(target, token, _expected_ids(bench, subject))
        except (NotReadyError, WrongAnswerError) as error:
            if target.name == "ours":
                raise
            missing.append(Missing(title=target.title, reason=str(error)))
            continue
        started.append((target, process))
        bench.say(f"{target.title} is up")
    return started, missing


def _check(target: HttpTarget, token: str, expected: list[str]) -> None:
    """The rows of the token's member and no others; nothing without a token or with a changed signature."""
    status, body = _get(target, f"Bearer {token}")
    if status != 200:
        raise WrongAnswerError(f"answered {status}: {body[:300]!r}")
    found = [item["id"] for item in json.loads(body)["items"]]
    if found != expected:
        raise WrongAnswerError(f"answered {len(found)} rows that are not the {len(expected)} of the member")
    head, dot, signature = token.rpartition(".")
    forged = head + dot + signature[:20] + ("A" if signature[20] != "A" else "B") + signature[21:]
    for wrong in (None, f"Bearer {forged}"):
        if (status := _get(target, wrong)[0]) != 401:
            raise WrongAnswerError(
                f"answered {status}, not 401, {'without a token' if wrong is None else 'to a forged token'}"
            )


def _get(target: HttpTarget, authorization: str | None) -> tuple[int, bytes]:
    return fetch(target.port, READ_PATH, {} if authorization is None else {"authorization": authorization})


def _expected_ids(bench: Bench, subject: str) -> list[str]:
    statement = "select id::text from public.entitlements where subject = %s order by created_at desc, id desc"
    with psycopg.connect(bench.scratch.admin_url) as connection:
        return [row[0] for row in connection.execute(statement, [subject])]


def _warm_up(bench: Bench, target: HttpTarget, process: Running, requests: list[bytes]) -> None:
    """Compilers, pools, prepared statements and token caches get their time before anything counts."""
    if bench.options.warm_up_s:
        load = bench.send(target.port, requests, bench.options.warm_up_s)
        bench.say(f"warmed up {target.title}: {load.per_second:,.0f}/s")
    if process.process.poll() is not None:
        raise NotReadyError(f"{target.title} ended while it was warmed up: {process.tail()}")


# -- measuring ---------------------------------------------------------------------------------------------------------
def _contender(bench: Bench, target: HttpTarget, process: Running, requests: list[bytes]) -> Contender:
    def measure(_round: int) -> Run:
        return measured(
            lambda: bench.send(target.port, requests, bench.options.seconds),
            server=process.pid,
            database=bench.scratch.server.pid,
        )

    return Contender(target.name, target.title, target.note, measure)


def _floor(bench: Bench, ours: HttpTarget, token: str, members: int) -> list[Contender]:
    """pgbench with the statements of one read, for a random member each time."""
    values = {statement.sql: _literals(statement.values) for statement in (context_statement(), read_statement())}
    statements = observed(bench, lambda: _get(ours, f"Bearer {token}"), values)
    variables = [f"member random(0, {members - 1})"]
    one_trip = "the statements of our read, prepared, in one round trip; no HTTP, no token: the floor"
    each = "the same between BEGIN and COMMIT, each awaited"
    return [
        pipelined(bench, [statements], variables, one_trip, lambda: None),
        awaited(bench, ["begin", *statements, "commit"], variables, each, lambda: None),
    ]


def _literals(values: Sequence[str | int | None]) -> dict[int, str]:
    """Values as SQL text; None stands for the claims of a random member."""
    texts = (CLAIMS if value is None else f"'{value}'" if isinstance(value, str) else str(value) for value in values)
    return dict(enumerate(texts, 1))


def _with_cache_hits(target: Target, started: Sequence[tuple[HttpTarget, Running]]) -> Target:
    """The share of requests whose token the server had verified before, as the server itself counts."""
    server = next((server for server, _ in started if server.name == target.name), None)
    if server is None:
        return target
    hits = server.token_cache_hits()
    return target.model_copy(update={"token_cache_hits": hits})
