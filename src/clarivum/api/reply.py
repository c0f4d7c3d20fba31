"""What a handler may return beside a plain contract, and what it may know of the request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """A response with more than its body: another status, the revision as ETag, further headers."""

    value: T
    status: int | None = None
    revision: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Client:
    """A handler parameter: who is at the other end. `address` is the peer's, or what a trusted proxy says it is."""

    address: str
    user_agent: str | None
    request_id: str
