"""The ledger: who may run what, how often it was tried, and that its effect happens once.

A claim counts the attempt and leases the run under a token before the handler sees it. The effect commits together with
`finish`, which fails under any other token. See docs/adr/0005-ledger-and-lease.md.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from clarivum.database import WORKER, Database, Transaction
from clarivum.jobs.declaration import Job
from clarivum.jobs.failure import Failure
from clarivum.jobs.message import KEY, RUN_ID, Message, Request
from clarivum.jobs.payload import Payload
from clarivum.jobs.results import encode_result
from clarivum.jobs.statements import queries

SETTLED = frozenset({"done", "dead", "cancelled"})
"""States of a run that no message brings back."""


class Claim(NamedTuple):
    """The right to carry out one attempt, until the lease ends."""

    job: Job[Any]
    message: Message
    payload: Payload
    key: str
    run_id: UUID
    attempt: int
    """From 1. Above the job's limit: the last allowed attempt was lost, and nothing is left but to bury it."""
    token: UUID


class Refusal(StrEnum):
    """Why a request was not claimed."""

    REPLAY = "replay"
    """The run is finished, or another message carries it: this one has nothing left to do."""
    WAIT = "wait"
    """This very message was claimed before and its time has not come."""
    LOST = "lost"
    """The process that ran the last attempt disappeared; `recover` claims it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that was not claimed. `wait_s`: until it may be tried again, for WAIT."""

    request: Request
    reason: Refusal
    wait_s: float = 0.0


class Ledger:
    """Everything a worker does to clarivum.job_runs and clarivum.dead_letters."""

    def __init__(self, database: Database, new_token: Callable[[], UUID] = uuid4) -> None:
        self._session = database.session(WORKER)
        self._new_token = new_token

    # -- beginning ---------------------------------------------------------------------------------------------------
    async def claim(
        self, job: Job[Any], requests: Sequence[Request], lease_s: float, *, recover: bool = False
    ) -> tuple[list[Claim], list[Refused]]:
        """Begin an attempt at each run that may begin one. `recover`: also where the last attempt was lost."""
        token = self._new_token()
        distinct = {request.run_id: request for request in reversed(requests)}
        rows = await self._session.many(
            queries.claim_runs, **_columns(job, distinct.values()), token=token, lease_s=lease_s, recover=recover
        )
        attempts = {row["run_id"]: row["attempt"] for row in rows}
        claims: list[Claim] = []
        rest: list[Request] = []
        for request in requests:
            attempt = attempts.get(request.run_id)
            if attempt is not None and distinct[request.run_id] is request:
                claims.append(_claim(job, request, attempt, token))
            else:
                rest.append(request)
        return claims, await self._examine(rest) if rest else []

    async def _examine(self, requests: Sequence[Request]) -> list[Refused]:
        run_ids = list({request.run_id for request in requests})
        found = {row["run_id"]: row for row in await self._session.many(queries.examine_runs, run_ids=run_ids)}
        return [_refused(request, found.get(request.run_id)) for request in requests]

    # -- ending ------------------------------------------------------------------------------------------------------
    def finish(self, tx: Transaction, claim: Claim) -> None:
        """Settle a claim with the transaction; its COMMIT fails when the lease was lost, and takes the effect back."""
        tx.defer(queries.finish_run, run_id=claim.run_id, token=claim.token)

    def keep_result(self, tx: Transaction, job: Job[Any], run_id: UUID, value: object) -> None:
        """Keep what the handler returned, with the transaction. Raises ResultError when it is not what was declared."""
        if job.result is not None:
            result = encode_result(job.result, value).decode()
            tx.defer(queries.keep_result, run_id=run_id, job=job.name, result=result, results_days=job.results_days)

    async def enter_finished(self, tx: Transaction, job: Job[Any], requests: Sequence[Request]) -> list[Request]:
        """The batch's way: enter runs as done before doing them, in the same transaction. Returns the ones now ours."""
        distinct = {request.run_id: request for request in reversed(requests)}
        rows = await tx.many(queries.claim_finished, **_columns(job, distinct.values()))
        return [distinct[row["run_id"]] for row in rows]

    async def retry(self, tx: Transaction, claim: Claim, failure: Failure, delay_s: int) -> bool:
        """Note the failure and when to try again. False when the lease was lost: then it is not ours to say."""
        return bool(
            await tx.execute(
                queries.retry_run,
                run_id=claim.run_id,
                token=claim.token,
                delay_s=delay_s,
                error=failure.error,
                message=failure.message,
            )
        )

    async def forgive(self, tx: Transaction, claim: Claim, failure: Failure, delay_s: int, *, most: int) -> bool:
        """As retry, and the attempt does not count; False also when the run was forgiven `most` such failures."""
        return bool(
            await tx.execute(
                queries.forgive_run,
                run_id=claim.run_id,
                token=claim.token,
                delay_s=delay_s,
                error=failure.error,
                message=failure.message,
                most=most,
            )
        )

    async def bury(self, tx: Transaction, claim: Claim, failure: Failure) -> bool:
        """Give the run up and keep its payload. False when the lease was lost."""
        held = {"run_id": claim.run_id, "token": claim.token}
        lost = claim.attempt > claim.job.attempts
        if lost:
            buried = await tx.execute(queries.bury_lost_run, **held)
        else:
            buried = await tx.execute(queries.bury_run, **held, error=failure.error, message=failure.message)
        if buried:
            attempts = claim.attempt - 1 if lost else claim.attempt
            add_dead_letter(
                tx, claim.job, claim.message, failure, run_id=claim.run_id, key=claim.key, attempts=attempts
            )
        return bool(buried)

    async def release(self, tx: Transaction, claims: Sequence[Claim]) -> int:
        """Take back claims that were not carried out; they do not count as attempts."""
        return int(await tx.execute(queries.release_runs, **_held(claims)))

    async def extend(self, claims: Sequence[Claim], lease_s: float) -> set[UUID]:
        """The heartbeat. Returns the runs that are still ours."""
        rows = await self._session.many(queries.extend_leases, **_held(claims), lease_s=lease_s)
        return {row["run_id"] for row in rows}

    async def still_open(self, run_ids: set[UUID]) -> set[UUID]:
        """Of these runs those that are not settled."""
        rows = await self._session.many(queries.examine_runs, run_ids=list(run_ids))
        return {row["run_id"] for row in rows if row["state"] not in SETTLED}

    def count_replays(self, tx: Transaction, run_ids: Sequence[UUID]) -> None:
        counted = Counter(run_ids)
        tx.defer(queries.count_replays, run_ids=list(counted), messages=list(counted.values()))


def add_dead_letter(
    tx: Transaction,
    job: Job[Any],
    message: Message,
    failure: Failure,
    *,
    run_id: UUID,
    key: str | None,
    attempts: int,
) -> None:
    """Keep a message that will not be tried again. `key` is None where the payload could not be read."""
    tx.defer(
        queries.add_dead_letter,
        run_id=run_id,
        job=job.name,
        key=key,
        attempts=attempts,
        error=failure.error,
        message=failure.message,
        payload=message.body,
        headers={**message.headers, **({} if key is None else {KEY: key, RUN_ID: str(run_id)})},
    )


def _columns(job: Job[Any], requests: Any) -> dict[str, object]:
    requests = list(requests)
    return {
        "job": job.name,
        "run_ids": [request.run_id for request in requests],
        "keys": [request.key for request in requests],
        "message_ids": [request.message.id for request in requests],
        "enqueued_at": [request.message.enqueued_at for request in requests],
    }


def _held(claims: Sequence[Claim]) -> dict[str, object]:
    return {
        "run_ids": [claim.run_id for claim in claims],
        "tokens": list({claim.token for claim in claims}),
    }


def _claim(job: Job[Any], request: Request, attempt: int, token: UUID) -> Claim:
    return Claim(job, request.message, request.payload, request.key, request.run_id, attempt, token)


def _refused(request: Request, row: dict[str, Any] | None) -> Refused:
    if row is None:
        return Refused(request, Refusal.WAIT, 1.0)  # another worker's claim of it was not committed yet
    if row["is_lost"]:
        return Refused(request, Refusal.LOST)
    if row["state"] in SETTLED or row["message_id"] != request.message.id:
        return Refused(request, Refusal.REPLAY)
    return Refused(request, Refusal.WAIT, row["wait_s"])
