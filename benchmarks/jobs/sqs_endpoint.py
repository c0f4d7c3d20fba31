"""An SQS endpoint in memory that is no bottleneck: `python -m benchmarks.jobs.sqs_endpoint` prints its port.

The actions that workers use, in the JSON protocol, with SQS's semantics of visibility, delay and long polls; it signs
and checks nothing. ministack and moto are complete, and take 3 ms and more for a receive: beside them every client
looks alike.
"""

import asyncio
import hashlib
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast

import httptools
import orjson
import uvloop

HOST = "127.0.0.1"
LOOK_AGAIN_S = 0.01
NUMBERS = count(1)


@dataclass(slots=True)
class Stored:
    """One message."""

    id: str
    body: str
    digest: str
    attributes: dict[str, Any]
    attributes_digest: str
    sent_ms: str
    receives: int = 0


@dataclass(slots=True)
class Queue:
    """Ready ones in order; hidden ones by receipt, looked through for those whose time has come."""

    ready: deque[Stored] = field(default_factory=deque)
    hidden: dict[str, tuple[float, Stored]] = field(default_factory=dict)
    look_at: float = 0.0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, message: Stored, delay_s: float) -> None:
        if delay_s > 0:
            self.hidden[f"delayed-{message.id}"] = (time.monotonic() + delay_s, message)
        else:
            self.ready.append(message)
            self.arrived.set()

    def take(self, most: int, visibility_s: float) -> list[tuple[str, Stored]]:
        now = time.monotonic()
        if now >= self.look_at:
            self.look_at = now + 0.2
            for receipt in [receipt for receipt, (until, _) in self.hidden.items() if until <= now]:
                self.ready.append(self.hidden.pop(receipt)[1])
        taken = []
        while self.ready and len(taken) < most:
            message = self.ready.popleft()
            message.receives += 1
            receipt = f"{message.id}.{message.receives}"
            self.hidden[receipt] = (now + visibility_s, message)
            taken.append((receipt, message))
        return taken

    def change(self, receipt: str, visibility_s: float) -> bool:
        if receipt not in self.hidden:
            return False
        if visibility_s > 0:
            self.hidden[receipt] = (time.monotonic() + visibility_s, self.hidden[receipt][1])
        else:
            self.put(self.hidden.pop(receipt)[1], 0)
        return True


class Endpoint:
    """All queues, and the actions."""

    def __init__(self) -> None:
        self.port = 0
        self._queues: dict[str, Queue] = {}

    async def answer(self, action: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if action == "CreateQueue":
            self._queues.setdefault(asked["QueueName"], Queue())
            return 200, {"QueueUrl": self._url(asked["QueueName"])}
        if action == "ListQueues":
            names = [name for name in self._queues if name.startswith(asked.get("QueueNamePrefix", ""))]
            return 200, {"QueueUrls": [self._url(name) for name in names]}
        name = asked.get("QueueName") or asked["QueueUrl"].rpartition("/")[2]
        queue = self._queues.get(name)
        if queue is None:
            return 400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no such queue"}
        if action == "GetQueueUrl":
            return 200, {"QueueUrl": self._url(name)}
        if action == "ReceiveMessage":
            return 200, await _receive(queue, asked)
        act: Callable[[Queue, dict[str, Any]], dict[str, Any]] = ACTIONS[action]
        return 200, act(queue, asked)

    def _url(self, name: str) -> str:
        return f"http://{HOST}:{self.port}/000000000000/{name}"


async def _receive(queue: Queue, asked: dict[str, Any]) -> dict[str, Any]:
    most, visibility_s = asked.get("MaxNumberOfMessages", 1), asked.get("VisibilityTimeout", 30)
    deadline = time.monotonic() + asked.get("WaitTimeSeconds", 0)
    taken = queue.take(most, visibility_s)
    while not taken and time.monotonic() < deadline:
        queue.arrived.clear()
        try:
            async with asyncio.timeout(min(0.2, max(LOOK_AGAIN_S, deadline - time.monotonic()))):
                await queue.arrived.wait()
        except TimeoutError:
            pass
        taken = queue.take(most, visibility_s)
    if not taken:
        return {}
    return {
        "Messages": [
            {
                "MessageId": message.id,
                "ReceiptHandle": receipt,
                "MD5OfBody": message.digest,
                "Body": message.body,
                "Attributes": {"SentTimestamp": message.sent_ms, "ApproximateReceiveCount": str(message.receives)},
                "MessageAttributes": message.attributes,
            }
            for receipt, message in taken
        ]
    }


def _send(queue: Queue, asked: dict[str, Any]) -> dict[str, Any]:
    body, attributes = asked["MessageBody"], asked.get("MessageAttributes") or {}
    digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
    message = Stored(
        f"{next(NUMBERS):032x}", body, digest, attributes, _digest(attributes), str(time.time_ns() // 1_000_000)
    )
    queue.put(message, asked.get("DelaySeconds") or 0)
    answer = {"MessageId": message.id, "MD5OfMessageBody": digest}
    return {**answer, "MD5OfMessageAttributes": message.attributes_digest} if attributes else answer


def _digest(attributes: dict[str, Any]) -> str:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html"""
    encoded = bytearray()
    for name in sorted(attributes):
        for text in (name, attributes[name]["DataType"]):
            encoded += len(text.encode()).to_bytes(4, "big") + text.encode()
        value = attributes[name]["StringValue"].encode()
        encoded += b"\x01" + len(value).to_bytes(4, "big") + value
    return hashlib.md5(encoded, usedforsecurity=False).hexdigest()


def _delete(queue: Queue, asked: dict[str, Any]) -> dict[str, Any]:
    queue.hidden.pop(asked["ReceiptHandle"], None)
    return {}


def _change(queue: Queue, asked: dict[str, Any]) -> dict[str, Any]:
    queue.change(asked["ReceiptHandle"], asked["VisibilityTimeout"])
    return {}


def _batch(
    act: Callable[[Queue, dict[str, Any]], dict[str, Any]],
) -> Callable[[Queue, dict[str, Any]], dict[str, Any]]:
    def batch(queue: Queue, asked: dict[str, Any]) -> dict[str, Any]:
        return {"Successful": [{"Id": entry["Id"], **act(queue, entry)} for entry in asked["Entries"]], "Failed": []}

    return batch


def _attributes(queue: Queue, asked: dict[str, Any]) -> dict[str, Any]:
    counts = {"": len(queue.ready), "NotVisible": len(queue.hidden), "Delayed": 0}
    return {"Attributes": {f"ApproximateNumberOfMessages{name}": str(number) for name, number in counts.items()}}


def _purge(queue: Queue, asked: dict[str, Any]) -> dict[str, Any]:
    queue.ready.clear()
    queue.hidden.clear()
    return {}


ACTIONS = {
    "SendMessage": _send,
    "SendMessageBatch": _batch(_send),
    "DeleteMessage": _delete,
    "DeleteMessageBatch": _batch(_delete),
    "ChangeMessageVisibility": _change,
    "ChangeMessageVisibilityBatch": _batch(_change),
    "GetQueueAttributes": _attributes,
    "PurgeQueue": _purge,
}


class Connection(asyncio.Protocol):
    """HTTP/1.1, one request after another."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._parser = httptools.HttpRequestParser(self)
        self._target = ""
        self._body = bytearray()
        self._transport: asyncio.Transport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        for task in self._tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._target, self._body = "", bytearray()

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-amz-target":
            self._target = value.decode().rpartition(".")[2]

    def on_body(self, data: bytes) -> None:
        self._body += data

    def on_message_complete(self) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(self._target, bytes(self._body)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, action: str, body: bytes) -> None:
        status, answer = await self._endpoint.answer(action, orjson.loads(body or b"{}"))
        encoded = orjson.dumps(answer)
        headers = f"content-type: application/x-amz-json-1.0\r\ncontent-length: {len(encoded)}"
        assert self._transport is not None
        self._transport.write(f"HTTP/1.1 {status} X\r\n{headers}\r\n\r\n".encode() + encoded)


async def main() -> None:
    endpoint = Endpoint()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(endpoint), HOST, 0)
    endpoint.port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"{endpoint.port}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
