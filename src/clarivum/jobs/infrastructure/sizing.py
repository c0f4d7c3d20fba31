"""The numbers of one job's queue and function, derived from its declaration, within what AWS takes.

Limits: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html,
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html and
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-quotas.html
"""

import math
from dataclasses import dataclass
from typing import Any

from clarivum.errors import DeclarationError
from clarivum.jobs.declaration import Job
from clarivum.jobs.payload import MAX_PAYLOAD_BYTES
from clarivum.jobs.transports.sqs.names import (
    DEAD_LETTER_SUFFIX,
    MAX_BATCH,
    MAX_PREFIX_CHARACTERS,
    MAX_QUEUE_NAME_CHARACTERS,
    MAX_VISIBILITY_S,
)

MAX_FUNCTION_TIMEOUT_S = 900
MAX_MESSAGE_BYTES = 1_048_576
RESERVE_S = 5
"""Beside its runs' time limits a function gets this long: to begin, to settle, to flush. The handler asks for 4 of it
before it begins a run."""
LONGEST_TIMEOUT_S = MAX_FUNCTION_TIMEOUT_S - RESERVE_S
TIMEOUTS_OF_VISIBILITY = 6
"""What AWS advises: a queue hides a message for six times as long as the function may take."""
PLACES = 5
"""Runs at once in one function, where the job does not say."""
MAX_BATCH_MODE = 100
BATCHING_WINDOW_S = 1
LEAST_FUNCTIONS = 2
"""AWS's smallest MaximumConcurrency of an event source mapping."""
MOST_FUNCTIONS = 1_000


@dataclass(frozen=True, slots=True)
class Sizing:
    """Times in seconds."""

    places: int
    """Runs at once in one execution environment, each with a database connection."""
    batch_size: int
    """Messages of one invocation."""
    window_s: int
    """How long a mapping gathers them; 0: not at all."""
    function_timeout_s: int
    visibility_s: int
    functions: int | None
    """Invocations at once; None: as many as the template's parameter says."""
    reserved: int | None
    """Reserved concurrency of the function: the job's own limit, whoever invokes it."""


def fits_function(job: Job[Any]) -> bool:
    """Whether a run's whole time limit fits into a Lambda function. One that does not is left to a worker."""
    return _timeout_s(job, 1) <= MAX_FUNCTION_TIMEOUT_S


def queue_visibility_s(job: Job[Any]) -> int:
    """How long its queue hides a message that was received. Raises DeclarationError naming the job and the limit."""
    return sizing(job).visibility_s if fits_function(job) else _visibility_s(job, 0)


def sizing(job: Job[Any]) -> Sizing:
    """Of a job whose run fits into a function. Raises DeclarationError naming the job and what AWS would refuse."""
    assert fits_function(job)
    declared = job.limit or job.concurrency
    places = PLACES if declared is None else max(1, min(PLACES, job.concurrency or PLACES, declared // 2))
    window_s = 0
    if job.batch > 1:
        batch_size, rounds = min(max(job.batch, MAX_BATCH), MAX_BATCH_MODE), 2
        window_s = BATCHING_WINDOW_S if batch_size > MAX_BATCH else 0
    else:
        batch_size, rounds = min(MAX_BATCH, 2 * places), 2
        if _timeout_s(job, rounds) > MAX_FUNCTION_TIMEOUT_S:
            batch_size, rounds = places, 1
    if _timeout_s(job, rounds) > MAX_FUNCTION_TIMEOUT_S:
        rounds = 1
    timeout_s = _timeout_s(job, rounds)
    functions = None if declared is None else max(1, declared // places)
    return Sizing(
        places=places,
        batch_size=batch_size,
        window_s=window_s,
        function_timeout_s=timeout_s,
        visibility_s=_visibility_s(job, timeout_s),
        functions=None if functions is None else min(MOST_FUNCTIONS, max(LEAST_FUNCTIONS, functions)),
        reserved=functions,
    )


def _timeout_s(job: Job[Any], rounds: int) -> int:
    """Long enough for a whole batch whose every run takes its full time: `places` at once, in that many rounds."""
    return rounds * math.ceil(job.timeout_s) + RESERVE_S


def _visibility_s(job: Job[Any], function_timeout_s: int) -> int:
    visibility_s = max(job.visibility_s, TIMEOUTS_OF_VISIBILITY * function_timeout_s)
    if visibility_s > MAX_VISIBILITY_S:
        raise DeclarationError(
            f"{_where(job)}: its messages would be hidden for {visibility_s} s, SQS takes at most {MAX_VISIBILITY_S}:"
            " lower timeout_s"
        )
    return visibility_s


def refuse_long_name(job: Job[Any]) -> None:
    """Raise DeclarationError where SQS would not take the name of its queue, or of that queue's dead letters."""
    longest = MAX_PREFIX_CHARACTERS + len(job.queue) + len(DEAD_LETTER_SUFFIX)
    if longest > MAX_QUEUE_NAME_CHARACTERS:
        raise DeclarationError(
            f"{_where(job)}: the queue {job.queue} has {len(job.queue)} characters; with a prefix of"
            f" {MAX_PREFIX_CHARACTERS} and {DEAD_LETTER_SUFFIX} SQS takes at most {MAX_QUEUE_NAME_CHARACTERS}:"
            " shorten the job's name"
        )


def _where(job: Job[Any]) -> str:
    return f"{job.file}:{job.line}: job {job.name}"


assert MAX_PAYLOAD_BYTES < MAX_MESSAGE_BYTES, "a payload and its headers fit into a message of SQS"
