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


def sizing(job: Job[Any]) -> Sizing:
    """Raises DeclarationError naming the job and what AWS would refuse."""
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
    visibility_s = max(job.visibility_s, TIMEOUTS_OF_VISIBILITY * timeout_s)
    _refuse_what_aws_refuses(job, timeout_s, visibility_s)
    functions = None if declared is None else max(1, declared // places)
    return Sizing(
        places=places,
        batch_size=batch_size,
        window_s=window_s,
        function_timeout_s=timeout_s,
        visibility_s=visibility_s,
        functions=None if functions is None else min(MOST_FUNCTIONS, max(LEAST_FUNCTIONS, functions)),
        reserved=functions,
    )


def _timeout_s(job: Job[Any], rounds: int) -> int:
    """Long enough for a whole batch whose every run takes its full time: `places` at once, in that many rounds."""
    return rounds * math.ceil(job.timeout_s) + RESERVE_S


def _refuse_what_aws_refuses(job: Job[Any], timeout_s: int, visibility_s: int) -> None:
    where = f"{job.file}:{job.line}: job {job.name}"
    if timeout_s > MAX_FUNCTION_TIMEOUT_S:
        raise DeclarationError(
            f"{where}: timeout_s={job.timeout_s:g} does not fit into a Lambda function, which ends after"
            f" {MAX_FUNCTION_TIMEOUT_S} s: at most {MAX_FUNCTION_TIMEOUT_S - RESERVE_S}; split the job into"
            " shorter ones, or run the application's jobs with `clarivum jobs work` instead"
        )
    if visibility_s > MAX_VISIBILITY_S:
        raise DeclarationError(
            f"{where}: its messages would be hidden for {visibility_s} s, SQS takes at most {MAX_VISIBILITY_S}:"
            " lower timeout_s"
        )
    longest = MAX_PREFIX_CHARACTERS + len(job.queue) + len(DEAD_LETTER_SUFFIX)
    if longest > MAX_QUEUE_NAME_CHARACTERS:
        raise DeclarationError(
            f"{where}: the queue {job.queue} has {len(job.queue)} characters; with a prefix of {MAX_PREFIX_CHARACTERS}"
            f" and {DEAD_LETTER_SUFFIX} SQS takes at most {MAX_QUEUE_NAME_CHARACTERS}: shorten the job's name"
        )


assert MAX_PAYLOAD_BYTES < MAX_MESSAGE_BYTES, "a payload and its headers fit into a message of SQS"
