"""What an effect outside the database was answered, so that a later attempt does not ask again.

An answer is noted in a transaction of its own, as soon as it came: it stays when the attempt fails. A process that is
killed between the two asks again, with the same idempotency key: it is the other system that then has to know it.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast
from uuid import UUID

import orjson

from clarivum import telemetry
from clarivum.database import WORKER, Database, DatabaseError
from clarivum.errors import UNAVAILABLE
from clarivum.jobs.failure import TerminalError
from clarivum.jobs.statements import queries

T = TypeVar("T")
NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
MAX_ANSWER_BYTES = 16 * 1024
AGAIN_FIRST_S, AGAIN_LAST_S = 0.05, 1.0
log = telemetry.get_logger("clarivum.jobs")


class AnswerError(TerminalError):
    """An answer that cannot be kept. The call was made, so the run is given up rather than tried again."""


class Answers:
    """The answers of one run."""

    def __init__(self, database: Database, job: str, run_id: UUID) -> None:
        self._database = database
        self._job = job
        self._run_id = run_id

    async def once(self, name: str, call: Callable[[str], Awaitable[T]]) -> T:
        """What `call` was answered in this or an earlier attempt, as JSON has it either way. See Run.once."""
        key = external_key(self._run_id, name)
        known = await self._database.session(WORKER).maybe(queries.recorded_answer, run_id=self._run_id, name=name)
        if known is not None:
            return cast("T", known["answer"])
        answer = await call(key)
        text = answer_text(name, answer)
        # shielded: an attempt that is cancelled now still notes what it was answered
        first = await asyncio.shield(asyncio.create_task(self._note(name, text)))
        return cast("T", orjson.loads(text) if first is None else first)

    async def _note(self, name: str, text: str) -> Any | None:
        """Keep the answer, waiting for a database that is away. Another attempt's, if that was first."""
        session, pause_s = self._database.session(WORKER), AGAIN_FIRST_S
        while True:
            try:
                added = await session.execute(
                    queries.record_answer, run_id=self._run_id, name=name, job=self._job, answer=text
                )
                break
            except DatabaseError as error:
                if error.code is not UNAVAILABLE:
                    raise
                log.warning("an answer waits to be noted", job=self._job, run_id=str(self._run_id), name=name)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, AGAIN_LAST_S)
        if added:
            return None
        return (await session.one(queries.first_answer, run_id=self._run_id, name=name))["answer"]


def external_key(run_id: UUID, name: str) -> str:
    """The idempotency key of one external effect of one run: the same in every attempt, at most 101 characters."""
    if NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} does not name an effect: a to z, digits, _ . - after a letter, at most 64")
    return f"{run_id}.{name}"


def as_kept(name: str, answer: T) -> T:
    """The answer as every attempt gets it. Raises as `answer_text`."""
    return cast("T", orjson.loads(answer_text(name, answer)))


def answer_text(name: str, answer: object) -> str:
    """The answer as JSON. Raises AnswerError when it is none, or larger than MAX_ANSWER_BYTES."""
    try:
        data = orjson.dumps(answer)
    except TypeError:
        raise AnswerError(
            f"the answer of {name} is no JSON value but {type(answer).__name__}; return the parts that are needed"
        ) from None
    if len(data) > MAX_ANSWER_BYTES:
        raise AnswerError(f"the answer of {name} is {len(data)} bytes as JSON, at most {MAX_ANSWER_BYTES} are kept")
    if b"\\u0000" in data:
        raise AnswerError(f"the answer of {name} contains NUL, which Postgres does not keep")
    return data.decode()
