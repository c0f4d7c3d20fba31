"""What a soak left in its database, counted by SQL and not by the code under test."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]

EFFECTS = "select count(*), count(distinct number) from public.soak_effects"
ORDERS = "select count(*) from public.soak_orders"
LEFT = "select (select count(*) from pgmq.q_soak_single) + (select count(*) from pgmq.q_soak_batched)"
UNFINISHED = """
select count(*) from clarivum.job_runs
where (state = 'done' and finished_at is not null and num_nulls(lease_token, claimable_at) = 2) is not true
"""
DEAD = "select count(*) from clarivum.dead_letters"
REPLAYS = "select coalesce(sum(replays), 0) from clarivum.job_runs"
FAILED_ATTEMPTS = """
select failed ->> 'error', count(*) from clarivum.job_runs cross join jsonb_array_elements(history) as failed
group by 1 order by 1
"""
LOST_UNTIL_DONE = """
select extract(epoch from finished_at - (failed ->> 'at')::timestamptz)::float
from clarivum.job_runs cross join jsonb_array_elements(history) as failed
where failed ->> 'error' = 'AttemptLost' and state = 'done'
"""
UNTIL_EFFECT = """
select extract(epoch from (select min(at) from public.soak_effects where at > up) - up)::float
from unnest(%s::timestamptz[]) as up
"""
UNEQUAL = """
select (select count(*) from (select number from public.soak_orders except select number from public.soak_effects) a)
    + (select count(*) from (select number from public.soak_effects except select number from public.soak_orders) b)
"""


@dataclass(frozen=True, slots=True)
class Count:
    """`lost`: jobs that were enqueued and have no effect. `twice`: effects above one a job. `unequal`: a business row
    without an effect, or the other way round."""

    jobs: int
    effects: int
    lost: int
    twice: int
    unequal: int
    left: int
    unfinished: int
    dead: int
    replays: int
    failed_attempts: dict[str, int]

    @property
    def clean(self) -> bool:
        return not (self.lost or self.twice or self.unequal or self.left or self.unfinished or self.dead)


def count(connection: Connection, jobs: int) -> Count:
    """Count everything of a soak of so many jobs."""
    effects, distinct = connection.execute(EFFECTS).fetchone() or (0, 0)
    failed = connection.execute(FAILED_ATTEMPTS).fetchall()
    return Count(
        jobs=jobs,
        effects=effects,
        lost=jobs - distinct,
        twice=effects - distinct,
        unequal=_number(connection, UNEQUAL),
        left=_number(connection, LEFT),
        unfinished=_number(connection, UNFINISHED),
        dead=_number(connection, DEAD),
        replays=_number(connection, REPLAYS),
        failed_attempts={str(error): times for error, times in failed},
    )


def done(connection: Connection) -> int:
    """Effects so far."""
    return int((connection.execute(EFFECTS).fetchone() or (0, 0))[1])


def settled(connection: Connection) -> bool:
    """Whether nothing is queued any more."""
    return _number(connection, LEFT) == 0


def lost_until_done_s(connection: Connection) -> list[float]:
    """For each lost attempt: from the end of its lease to the end of its run."""
    return [row[0] for row in connection.execute(LOST_UNTIL_DONE).fetchall()]


def until_effect_s(connection: Connection, moments: Sequence[datetime]) -> list[float]:
    """For each moment at which the database was back: how long until the next effect was there."""
    return [row[0] for row in connection.execute(UNTIL_EFFECT, [list(moments)]).fetchall() if row[0] is not None]


def _number(connection: Connection, query: str) -> int:
    return int((connection.execute(query.encode()).fetchone() or (0,))[0])
