"""Running a transaction again: when, how often, after which pause."""

import pytest

from clarivum.database import DatabaseError, retrying
from clarivum.database.sqlstate import connection_lost, database_error


def crossed() -> DatabaseError:
    return database_error("40001", "could not serialize access", role="authenticated", where="a")


class Attempts:
    """Fails with the given errors in turn, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.count = 0
        self.pauses: list[float] = []

    async def work(self) -> str:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    async def sleep(self, pause_s: float) -> None:
        self.pauses.append(pause_s)


async def test_it_runs_again_after_growing_jittered_pauses() -> None:
    attempts = Attempts(crossed(), crossed())
    assert await retrying(attempts.work, sleep=attempts.sleep, jitter=lambda: 0.5) == "done"
    assert attempts.count == 3
    assert attempts.pauses == [0.01, 0.02]


async def test_it_gives_up_after_three_attempts() -> None:
    attempts = Attempts(*(crossed() for _ in range(5)))
    with pytest.raises(DatabaseError):
        await retrying(attempts.work, sleep=attempts.sleep)
    assert attempts.count == 3


@pytest.mark.parametrize(
    "error",
    [
        connection_lost("cut", unknown_outcome=True),
        connection_lost("cut"),
        database_error("23505", "duplicate", role="anon", where="a"),
        ValueError("ours"),
    ],
)
async def test_what_may_have_happened_or_would_happen_again_is_not_retried(error: Exception) -> None:
    attempts = Attempts(error)
    with pytest.raises(type(error)):
        await retrying(attempts.work, sleep=attempts.sleep)
    assert attempts.count == 1
