"""The drill on SQS: queues of its own on a real server, and what a test asks of them, by boto3 and not by our code."""

import asyncio
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import uuid4

from clarivum.database import Database
from clarivum.jobs import Job
from clarivum.jobs.transports.interface import Transport
from clarivum.jobs.transports.sqs.calls import SqsCalls, SqsOptions
from clarivum.jobs.transports.sqs.provision import ensure_queues
from clarivum.jobs.transports.sqs.transport import SqsTransport
from clarivum.testing.aws import REGION, AwsServer
from tests.integration.jobs.conftest import Drill


@dataclass
class SqsDrill(Drill):
    """As Drill; `server` runs. `endpoint_url`: of a proxy before it."""

    server: AwsServer = field(default_factory=AwsServer)
    endpoint_url: str | None = None
    prefix: str = field(default_factory=lambda: f"t{uuid4().hex[:12]}-")
    wait_s: int = 0

    def __post_init__(self) -> None:
        self.environ = {
            **self.server.environ,
            "AWS_ENDPOINT_URL": self.options.endpoint_url or "",
            "CLARIVUM_JOBS_TRANSPORT": "sqs",
            "CLARIVUM_SQS_QUEUE_PREFIX": self.prefix,
        }

    @property
    def options(self) -> SqsOptions:
        return SqsOptions(REGION, self.endpoint_url or self.server.url, self.prefix, self.wait_s)

    def transport(self, database: Database) -> Transport:
        return SqsTransport(self.options, database)

    def create_queues(self, *jobs: Job[Any], dead_letters: bool = True) -> None:
        """As a deployment has them, or in a fifth of the time without their dead-letter queues."""

        async def create() -> None:
            calls = SqsCalls(self.options)
            if dead_letters:
                await ensure_queues(calls, jobs)
            else:
                for job in jobs:
                    await calls.call("CreateQueue", {"QueueName": self.prefix + job.queue})
            calls.close()

        asyncio.run(create())

    # -- the server's own view ---------------------------------------------------------------------------------------
    @cached_property
    def sqs(self) -> Any:
        return self.server.client("sqs")

    def url(self, job: Job[Any], suffix: str = "") -> str:
        return str(self.sqs.get_queue_url(QueueName=f"{self.prefix}{job.queue}{suffix}")["QueueUrl"])

    def send_raw(self, job: Job[Any], body: str | None, headers: dict[str, str] | None = None) -> None:
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in (headers or {}).items()}
        self.sqs.send_message(QueueUrl=self.url(job), MessageBody=body or " ", MessageAttributes=attributes)

    def counts(self, job: Job[Any], suffix: str = "") -> dict[str, int]:
        found = self.sqs.get_queue_attributes(QueueUrl=self.url(job, suffix), AttributeNames=["All"])["Attributes"]
        names = {"ready": "", "hidden": "NotVisible", "delayed": "Delayed"}
        return {short: int(found[f"ApproximateNumberOfMessages{name}"]) for short, name in names.items()}

    def depth(self, job: Job[Any]) -> int:
        unsent = self.rows("select count(*) as messages from clarivum.outbox where queue = %s", job.queue)
        return sum(self.counts(job).values()) + int(unsent[0]["messages"])

    def receive_raw(self, job: Job[Any], suffix: str = "") -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.url(job, suffix), MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return [{**each, "Body": json.loads(each["Body"])} for each in answer.get("Messages", [])]
