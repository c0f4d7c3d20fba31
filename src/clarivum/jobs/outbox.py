"""Enqueue: a message that exists exactly when the business transaction that caused it was committed."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from clarivum import telemetry
from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.database import Transaction
from clarivum.errors import Violation
from clarivum.jobs.declaration import Job, by_name
from clarivum.jobs.message import DUE_AT, JOB, KEY, RUN_ID, SCHEMA_VERSION, UNIQUE_FROM, run_id_of, window_of
from clarivum.jobs.payload import Payload, PayloadError, encode
from clarivum.jobs.transports.interface import Transport
from clarivum.jobs.transports.pgmq import PgmqTransport

MAX_DELAY_S = 366 * 86_400
"""A year: a delay lies in Postgres until it is over, whatever the transport can delay by."""


class JobOutbox:
    """The outbox of an application: finds the job of a payload by its type, and sends through the transport."""

    def __init__(self, jobs: Iterable[Job[Any]], transport: Transport, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._jobs = {job.payload: job for job in by_name(jobs).values()}
        self._transport = transport
        self._clock = clock

    def put(self, tx: Transaction, payload: object, *, delay_s: int = 0) -> UUID:
        """Queue the payload behind the transaction's statements and return its run's id.

        It may start `delay_s` seconds after now at the earliest, 0 to MAX_DELAY_S.
        The same idempotency key gives the same id, and one effect; of a job with unique_s, within the window that is
        now, whenever it starts. Raises PayloadError, and nothing is stored, when the payload does not fit its type,
        holds what JSON in Postgres cannot, is too large, or belongs to no job.
        """
        job = self._jobs.get(type(payload))
        if job is None or not isinstance(payload, Payload):
            raise PayloadError(f"{type(payload).__name__} is the payload of no job of this application")
        if not (type(delay_s) is int and 0 <= delay_s <= MAX_DELAY_S):
            raise PayloadError(f"job {job.name}: delay_s must be a whole number from 0 to {MAX_DELAY_S}")
        body = encode(payload)
        try:
            key = job.key_of(payload)
        except ValueError as error:
            raise PayloadError(
                f"job {job.name}: the idempotency key cannot be used",
                violations=[Violation(f"/{job.key}", str(error), "key")],
            ) from None
        unique_from = None if job.unique_s is None else window_of(job, self._clock.now())
        run_id = run_id_of(job.name, key, unique_from)
        with telemetry.job_publish(job.name, job.queue, self._transport.system) as carried:
            headers = {
                JOB: job.name,
                KEY: key,
                RUN_ID: str(run_id),
                SCHEMA_VERSION: str(job.payload.schema_version),
                **carried,
            }
            if unique_from is not None:
                headers[UNIQUE_FROM] = str(unique_from)
            if delay_s:
                headers[DUE_AT] = (self._clock.now() + timedelta(seconds=delay_s)).isoformat()
            with tx.as_worker():
                self._transport.send(tx, job, body, headers, delay_s)
        return run_id


def outbox(jobs: Iterable[Job[Any]], transport: Transport | None = None) -> JobOutbox:
    """What `Database.outbox` is set to, so that `tx.enqueue` finds each payload's job. `transport`: pgmq if absent."""
    return JobOutbox(jobs, transport or PgmqTransport())
