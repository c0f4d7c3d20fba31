"""Calls of the SQS API: signed, timed, repeated while that helps, and their refusals as our errors.

boto3 says who we are and where SQS is (profiles, roles, endpoints); the calls themselves are sent by `wire`: receiving
ten messages takes boto3 1.6 ms of CPU time and this 0.27 ms. JSON protocol:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
"""

import asyncio
import random as randomness
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson

from clarivum.errors import UNAVAILABLE, ConfigurationError
from clarivum.jobs.transports.interface import QueueError
from clarivum.jobs.transports.sqs.signature import Credentials, Signer
from clarivum.jobs.transports.sqs.wire import Answer, Wire, WireError

CALL_TIMEOUT_S = 10.0
TRIES = 4
PAUSE_FIRST_S, PAUSE_LAST_S = 0.05, 1.0
CONNECTIONS = 64
RENEW_S = 60.0
"""How often botocore is asked whether temporary credentials need to be renewed."""
MISSING_QUEUE = frozenset({"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"})
THROTTLED = frozenset(
    {
        "ThrottlingException", "Throttling", "RequestThrottled", "TooManyRequestsException", "SlowDown",
        "OverLimit", "KmsThrottled", "RequestThrottledException", "RequestLimitExceeded",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SqsOptions:
    """Which SQS: `endpoint_url` None is AWS's own."""

    region: str
    endpoint_url: str | None = None
    prefix: str = ""
    """Of every queue's name."""
    wait_s: int = 5
    """Of a long poll. Longer ones would be fewer requests (AWS takes up to 20 s), but SIGTERM waits for the last to
    end: a message that comes with an answer nobody reads stays hidden for its whole visibility."""


class SqsCalls:
    """One process's way to SQS. Belongs to one event loop; connects with the first call."""

    def __init__(
        self,
        options: SqsOptions,
        *,
        random: Callable[[], float] = randomness.random,
        find: Callable[[str, str | None], tuple[str, Any]] | None = None,
    ) -> None:
        """`find`: the endpoint and whose credentials, for region and endpoint URL; absent, boto3 is asked."""
        self.options = options
        self._random = random
        self._find = find or find_with_boto3
        self._signer = Signer(options.region)
        self._connecting = asyncio.Lock()
        self._wire: Wire | None = None
        self._source: Any = None
        self._credentials: Credentials | None = None
        self._renew_at = 0.0

    async def call(self, action: str, body: Mapping[str, Any], *, wait_s: float = 0.0) -> Any:
        """The answer's JSON. `wait_s`: how long SQS itself may take, for a long poll.

        Raises QueueError: `unavailable` while SQS cannot be reached or throttles, after some tries; its `refusal` is
        SQS's own code otherwise. Raises ConfigurationError when there are no credentials.
        """
        wire = self._wire or await self._connect()
        encoded = orjson.dumps(body)
        reason, pause_s = "", PAUSE_FIRST_S
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(pause_s * self._random())
                pause_s = min(pause_s * 4, PAUSE_LAST_S)
            request = self._request(wire, action, encoded, await self._fresh_credentials())
            try:
                answer = await wire.request(request, CALL_TIMEOUT_S + wait_s)
            except WireError as error:
                reason = str(error)
                continue
            if answer.status == 200:
                return orjson.loads(answer.body or b"{}")
            code, message = _refusal(answer)
            if answer.status < 500 and code not in THROTTLED:
                raise _refused(action, code, message)
            reason = f"{answer.status} {code}"
        raise QueueError("The job queue does not answer", code=UNAVAILABLE, retry_after_s=1, log=f"{action}: {reason}")

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()

    # -- connecting --------------------------------------------------------------------------------------------------
    async def _connect(self) -> Wire:
        async with self._connecting:
            if self._wire is None:
                endpoint, self._source = await asyncio.to_thread(
                    self._find, self.options.region, self.options.endpoint_url
                )
                self._wire = Wire(endpoint, CONNECTIONS)
            return self._wire

    async def _fresh_credentials(self) -> Credentials:
        now = asyncio.get_running_loop().time()
        if self._credentials is None or now >= self._renew_at:
            try:
                frozen = await asyncio.to_thread(self._source.get_frozen_credentials)
            except Exception as error:  # botocore's own kinds, of every provider
                raise QueueError(
                    "The job queue does not answer",
                    code=UNAVAILABLE,
                    retry_after_s=1,
                    log=f"AWS credentials could not be renewed: {type(error).__name__}",
                ) from None
            self._credentials = Credentials(frozen.access_key, frozen.secret_key, frozen.token)
            self._renew_at = now + RENEW_S
        return self._credentials

    def _request(self, wire: Wire, action: str, body: bytes, credentials: Credentials) -> bytes:
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "host": wire.host,
            "x-amz-target": f"AmazonSQS.{action}",
        }
        headers |= self._signer.sign(headers, wire.path, body, credentials, datetime.now(UTC))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {wire.path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n"
        return head.encode("ascii") + body


@cache
def find_with_boto3(region: str, endpoint_url: str | None) -> tuple[str, Any]:
    """The endpoint's URL and boto3's credentials, from wherever it looks for them; looked for once per process."""
    import boto3  # noqa: PLC0415 - 0.2 s, for those who use SQS

    session = boto3.Session(region_name=region)
    credentials = session.get_credentials()
    if credentials is None:
        raise ConfigurationError(
            "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE,"
            " or run with a role"
        )
    client = session.client("sqs", endpoint_url=endpoint_url)
    return client.meta.endpoint_url, credentials


def _refusal(answer: Answer) -> tuple[str, str]:
    """SQS's code without its namespace, and its text."""
    try:
        said = orjson.loads(answer.body)
        return str(said.get("__type", "")).rpartition("#")[2], str(said.get("message", said.get("Message", "")))
    except (ValueError, AttributeError):
        return "", f"HTTP {answer.status}"


def _refused(action: str, code: str, message: str) -> QueueError:
    if code in MISSING_QUEUE:
        text = "a queue does not exist; `clarivum jobs template` declares the queues of an application"
    else:
        text = f"SQS refused {action}: {code or message}"
    error = QueueError("The job queue refused a request", log=text)
    error.refusal = code
    return error
