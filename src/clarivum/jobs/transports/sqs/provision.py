"""Making the queues of an application, for a machine of one's own and for tests; a deployment has `jobs template`."""

from collections.abc import Iterable
from typing import Any

import orjson

from clarivum.jobs.declaration import Job, by_name
from clarivum.jobs.transports.interface import QueueError
from clarivum.jobs.transports.sqs.calls import MISSING_QUEUE, SqsCalls
from clarivum.jobs.transports.sqs.names import (
    MAX_RECEIVE_COUNT,
    RETENTION_S,
    sqs_dead_letter_queue_name,
    sqs_queue_name,
)


async def ensure_queues(calls: SqsCalls, jobs: Iterable[Job[Any]]) -> list[str]:
    """Create what is missing, each queue with its dead-letter queue; returns the names of what was created.

    A queue that is there is left as it is. Raises QueueError.
    """
    created: list[str] = []
    prefix = calls.options.prefix
    for job in by_name(jobs).values():
        dead = sqs_dead_letter_queue_name(job.queue, prefix)
        created += await _ensure(calls, dead, {})
        answer = await calls.call("GetQueueUrl", {"QueueName": dead})
        wanted = {"QueueUrl": answer["QueueUrl"], "AttributeNames": ["QueueArn"]}
        arn = (await calls.call("GetQueueAttributes", wanted))["Attributes"]["QueueArn"]
        redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVE_COUNT}
        attributes = {"VisibilityTimeout": str(job.visibility_s), "RedrivePolicy": orjson.dumps(redrive).decode()}
        created += await _ensure(calls, sqs_queue_name(job.queue, prefix), attributes)
    return created


async def _ensure(calls: SqsCalls, name: str, attributes: dict[str, str]) -> list[str]:
    try:
        await calls.call("GetQueueUrl", {"QueueName": name})
    except QueueError as error:
        if error.refusal not in MISSING_QUEUE:
            raise
    else:
        return []
    every = {"MessageRetentionPeriod": str(RETENTION_S), **attributes}
    await calls.call("CreateQueue", {"QueueName": name, "Attributes": every})
    return [name]
