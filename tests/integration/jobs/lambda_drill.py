"""The drill as a Lambda function: what SQS delivers as the event of an event source mapping, and the handler on it."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from clarivum.jobs import Job, Payload
from clarivum.jobs.backoff import Backoff
from clarivum.jobs.lambda_handler import LambdaHandler, lambda_handler
from clarivum.jobs.options import WorkerOptions
from clarivum.settings import Settings
from clarivum.testing.aws import REGION, AwsServer
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.jobs.drill_jobs import JOBS, WORLD
from tests.integration.jobs.sqs_drill import SqsDrill

ACCOUNT = "000000000000"
OPTIONS = {"backoff": Backoff(base_s=0), "concurrency": 4}
Answer = dict[str, list[dict[str, str]]]


@dataclass
class Context:
    """What the runtime gives a function: how long it may still take."""

    given_s: float = 60.0
    began: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int(1_000 * (self.given_s - (time.monotonic() - self.began))))


@dataclass
class LambdaDrill(SqsDrill):
    """Handlers are made by `handler` and closed at the end."""

    handlers: list[LambdaHandler] = field(default_factory=list)

    def settings(self) -> Settings:
        return Settings.load({**self.environ, "DATABASE_URL": self.urls.app})

    def handler(self, *jobs: Job[Any], **options: Any) -> LambdaHandler:
        """A function of this process."""
        chosen = WorkerOptions(**{**OPTIONS, **options})
        self.handlers.append(lambda_handler(jobs or JOBS, settings=self.settings(), options=chosen))
        return self.handlers[-1]

    def send(self, job: Job[Any], *payloads: Payload) -> None:
        """As another producer than ours would, in the order of the arguments."""
        for payload in payloads:
            self.send_raw(job, payload.model_dump_json())

    def receive(self, job: Job[Any], wanted: int, *, visibility_s: int = 30) -> list[dict[str, Any]]:
        """Records of `wanted` messages, in the order in which they were sent."""
        found: list[dict[str, Any]] = []
        for _ in range(100):
            if len(found) == wanted:
                break
            answer = self.sqs.receive_message(
                QueueUrl=self.url(job),
                MaxNumberOfMessages=min(10, wanted - len(found)),
                VisibilityTimeout=visibility_s,
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
                WaitTimeSeconds=1,
            )
            found += answer.get("Messages", [])
        assert len(found) == wanted
        records = [self.record(job, each) for each in found]
        return sorted(records, key=lambda record: int(record["attributes"]["SentTimestamp"]))

    def record(self, job: Job[Any], received: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "messageId": received["MessageId"],
            "receiptHandle": received["ReceiptHandle"],
            "body": received["Body"],
            "attributes": received["Attributes"],
            "messageAttributes": {
                name: {"dataType": value["DataType"], "stringValue": value["StringValue"]}
                for name, value in received.get("MessageAttributes", {}).items()
            },
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.prefix}{job.queue}",
            "awsRegion": REGION,
        }

    def end(self) -> None:
        for handler in self.handlers:
            handler.close()
        super().end()


def event(*records: Mapping[str, Any]) -> dict[str, Any]:
    return {"Records": list(records)}


def failed(answer: Answer) -> list[str]:
    assert list(answer) == ["batchItemFailures"]
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


@pytest.fixture
def lambda_drill(
    database_urls: DatabaseUrls,
    aws_servers: Callable[[str], AwsServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[LambdaDrill]:
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        connection.execute(WORLD)
    drill = LambdaDrill(database_urls, tmp_path, server=aws_servers("ministack"))
    drill.create_queues(*JOBS, dead_letters=False)
    monkeypatch.setenv("DRILL_NOTES", str(tmp_path))
    yield drill
    drill.end()
