"""Batch calls: ten entries at a time, several calls at once, each entry's own outcome."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clarivum.errors import UNAVAILABLE
from clarivum.jobs.transports.interface import QueueError
from clarivum.jobs.transports.sqs.calls import SqsCalls
from clarivum.jobs.transports.sqs.names import MAX_BATCH

Entry = Mapping[str, Any]


@dataclass(slots=True)
class Outcome:
    """What became of the entries, by their position. `refused` will never be taken; `failed` may be, later."""

    done: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    failed: dict[int, QueueError] = field(default_factory=dict)


async def send_batches(
    calls: SqsCalls,
    action: str,
    queue_url: str,
    entries: Sequence[Entry],
    *,
    slices: Iterable[Sequence[int]],
    at_once: int,
) -> Outcome:
    """Send slices of entries, begun in order, at most `at_once` calls at a time. Never raises QueueError."""
    outcome = Outcome()
    places = asyncio.Semaphore(at_once)

    async def send(positions: Sequence[int]) -> None:
        async with places:
            if outcome.failed:
                # SQS did not answer just now, after several tries: nor would it answer this.
                outcome.failed |= dict.fromkeys(positions, next(iter(outcome.failed.values())))
            else:
                await exchange(positions)

    async def exchange(positions: Sequence[int]) -> None:
        body = [{"Id": str(position), **entries[position]} for position in positions]
        try:
            answer = await calls.call(action, {"QueueUrl": queue_url, "Entries": body})
        except QueueError as error:
            await refused_whole(positions, error)
            return
        outcome.done += [int(entry["Id"]) for entry in answer.get("Successful") or ()]
        for entry in answer.get("Failed") or ():
            code = str(entry.get("Code", ""))
            if entry.get("SenderFault"):
                outcome.refused[int(entry["Id"])] = code
            else:
                outcome.failed[int(entry["Id"])] = _failed(action, code)

    async def refused_whole(positions: Sequence[int], error: QueueError) -> None:
        """One entry may be what the whole call was refused for: then each is sent alone."""
        blames_entry = error.code is not UNAVAILABLE and error.refusal in ENTRY_REFUSALS
        if blames_entry and len(positions) > 1:
            for position in positions:
                await exchange([position])
        elif blames_entry:
            outcome.refused[positions[0]] = error.refusal
        else:
            outcome.failed |= dict.fromkeys(positions, error)

    await asyncio.gather(*(send(positions) for positions in slices))
    return outcome


ENTRY_REFUSALS = frozenset(
    {
        "InvalidMessageContents", "InvalidParameterValue", "MissingParameter", "ReceiptHandleIsInvalid",
        "MessageNotInflight", "BatchRequestTooLong", "InvalidAttributeValue",
    }
)  # fmt: skip
"""Refusals of a whole call that one of its entries may be the reason of."""


def by_number(count: int) -> Iterator[range]:
    """Slices of ten."""
    for first in range(0, count, MAX_BATCH):
        yield range(first, min(first + MAX_BATCH, count))


def by_size(count: int, size_of: Callable[[int], int], most_bytes: int) -> Iterator[list[int]]:
    """Slices of at most ten and at most `most_bytes`; what is larger by itself is alone."""
    positions: list[int] = []
    total = 0
    for position in range(count):
        size = size_of(position)
        if positions and (len(positions) == MAX_BATCH or total + size > most_bytes):
            yield positions
            positions, total = [], 0
        positions.append(position)
        total += size
    if positions:
        yield positions


def _failed(action: str, code: str) -> QueueError:
    return QueueError(
        "The job queue does not answer", code=UNAVAILABLE, retry_after_s=1, log=f"{action}: an entry failed with {code}"
    )
