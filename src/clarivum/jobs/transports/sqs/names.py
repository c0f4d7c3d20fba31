"""What the queues of an application are called on SQS, and the numbers that AWS and we set for them.

Limits: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-quotas.html
"""

import re

from clarivum.errors import ConfigurationError

MAX_QUEUE_NAME_CHARACTERS = 80
MAX_PREFIX_CHARACTERS = 28
"""80, less a job's 47 and the suffix of its dead-letter queue."""
PREFIX = re.compile(rf"[A-Za-z0-9_-]{{0,{MAX_PREFIX_CHARACTERS}}}")
DEAD_LETTER_SUFFIX = "-dead"

MAX_RECEIVE_COUNT = 1_000
"""Of the queue's redrive policy, the most there is: a look at a message that may not begin yet counts as well. Our
ledger counts attempts and buries a run after its last; a message that was received this often and settled by nobody is
one that the ledger never got hold of, and goes to the dead-letter queue. From there workers move it into
clarivum.dead_letters: there is one list of dead letters, whoever gave up."""
MAX_DELAY_S = 900
MAX_VISIBILITY_S = 43_200
MAX_WAIT_S = 20
MAX_BATCH = 10
MAX_ATTRIBUTES = 10
MAX_BATCH_BYTES = 262_144
"""Body and attributes of one SendMessageBatch. AWS takes 1 MiB since 2025; what keeps the old limit is served too."""
RETENTION_S = 1_209_600
"""14 days, the most there is: of the queue and of its dead-letter queue."""


def sqs_queue_name(queue: str, prefix: str = "") -> str:
    """`staging-` and `leads_enrich` give `staging-leads_enrich`. Raises ConfigurationError when SQS would refuse it."""
    if PREFIX.fullmatch(prefix) is None:
        raise ConfigurationError(
            f"CLARIVUM_SQS_QUEUE_PREFIX must be at most {MAX_PREFIX_CHARACTERS} letters, digits, - and _"
        )
    return f"{prefix}{queue}"


def sqs_dead_letter_queue_name(queue: str, prefix: str = "") -> str:
    """With a hyphen, which no job's own queue can have."""
    return sqs_queue_name(queue, prefix) + DEAD_LETTER_SUFFIX
