"""One thing as it was and as it is. Pure."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from clarivum.checks.review.change import State

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BeforeAfter(Generic[T]):
    """One thing that differs; `before` or `after` is None when it is new or gone, never both."""

    before: T | None
    after: T | None

    @property
    def one(self) -> T:
        """As it is, or as it was when it is gone."""
        found = self.after if self.after is not None else self.before
        assert found is not None
        return found

    @property
    def state(self) -> State:
        if self.before is None:
            return State.NEW
        return State.REMOVED if self.after is None else State.CHANGED
