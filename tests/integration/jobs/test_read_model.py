"""What people ask: which jobs, which run, which dead letters; and what the worker forgets."""

import dataclasses
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from clarivum.cli.jobs import app
from clarivum.database import Database
from clarivum.errors import UsageError
from clarivum.jobs.inspect import DeadLetterFilter, dead_letters, latest_run, list_jobs, show_run
from clarivum.jobs.statements import queries
from clarivum.jobs.transports.pgmq import PgmqTransport
from clarivum.jobs.worker.housekeeping import Housekeeping
from clarivum.telemetry import render_prometheus
from tests.integration.jobs.conftest import Drill
from tests.integration.jobs.drill_jobs import Act, Quick, Slow, act, quick, slow

JOBS = {job.name: job for job in (act, quick, slow)}


async def test_overview_and_runs(drill: Drill) -> None:
    [queued] = await drill.enqueue(Quick(key="queued"))
    [dead, slow_run] = await drill.enqueue(
        Act(key="dead", do="fail"), Slow(key="slow", do="sleep_then_effect", seconds=3)
    )
    async with Database(drill.urls.app, pipelines=1, connections=4) as database:
        assert await latest_run(database, JOBS) is None
        async with drill.working(act, slow, grace_s=0.1):
            await drill.eventually(lambda: drill.state("dead") == "dead", "it is dead")
            await drill.eventually(lambda: drill.state("slow") == "running", "it runs")
            overview = {each.job: each for each in await list_jobs(database, JOBS)}
            assert await latest_run(database, JOBS) in {dead, slow_run}
        assert (overview["drill.quick"].depth, overview["drill.quick"].ready) == (1, 1)
        assert overview["drill.quick"].oldest_age_s > 0
        assert (overview["drill.slow"].running, overview["drill.act"].dead) == (1, 1)
        view = await show_run(database, JOBS, dead)
        assert view is not None
        assert (view.state, view.attempt, len(view.history)) == ("dead", 5, 5)
        view = await show_run(database, JOBS, queued)
        assert view is not None
        assert (view.state, view.job) == ("queued", "drill.quick")
        view = await show_run(database, JOBS, slow_run)
        assert view is not None
        assert (view.state, view.attempt) == ("waiting", 0), "handed back"
        assert await show_run(database, JOBS, uuid4()) is None


async def test_a_queue_is_as_old_as_what_is_due_in_it(drill: Drill) -> None:
    """A message is due since it is visible, not since somebody enqueued it for next week."""
    await drill.enqueue(Quick(key="due"), Quick(key="later"))
    drill.rows(
        "update pgmq.q_drill_quick set enqueued_at = now() - interval '7 days', vt = case message ->> 'key'"
        " when 'due' then now() - interval '30 s' else now() + interval '1 day' end returning 1"
    )
    async with Database(drill.urls.app, pipelines=1, connections=1) as database:
        transport = PgmqTransport(database)
        status = await transport.status(quick)
        assert (status.ready, status.waiting) == (1, 1)
        assert status.oldest_age_s is not None
        assert 30 <= status.oldest_age_s < 3_600
        await Housekeeping([quick], database, transport).measure()
        assert gauge("clarivum_job_queue_oldest_age", "drill.quick") >= 30
        drill.rows("delete from pgmq.q_drill_quick where message ->> 'key' = 'due' returning 1")
        await Housekeeping([quick], database, transport).measure()
    assert gauge("clarivum_job_queue_oldest_age", "drill.quick") == 0


def gauge(name: str, job: str) -> float:
    found = re.search(rf'^{name}[a-z_]*\{{[^}}]*job_name="{job}"[^}}]*\}} (\S+)$', render_prometheus().decode(), re.M)
    assert found is not None
    return float(found[1])


async def test_dead_letter_filters(drill: Drill) -> None:
    await drill.enqueue(Act(key="a", do="fail"), Act(key="b", do="fail"))
    drill.send_raw(quick, '{"key": 1}')
    async with drill.working(act, quick):
        await drill.eventually(lambda: len(drill.letters()) == 3, "three died")
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    async with Database(drill.urls.app, pipelines=1, connections=2) as database:

        async def keys(**wanted: Any) -> list[str | None]:
            letters = await dead_letters(database, DeadLetterFilter(**{"since": hour_ago, **wanted}))
            return sorted((letter.key for letter in letters), key=str)

        assert await keys() == [None, "a", "b"]
        assert await keys(job="drill.act") == ["a", "b"]
        assert await keys(error="PayloadError") == [None]
        assert await keys(job="drill.act", error="PayloadError") == []
        assert len(await keys(limit=1)) == 1
        assert await keys(since=datetime.now(UTC)) == []
        await Housekeeping([act, quick], database, PgmqTransport(database)).measure()
    page = render_prometheus().decode()
    assert re.search(r'clarivum_job_dead_letters\{[^}]*job_name="drill.act"[^}]*\} 2', page)


async def test_finished_runs_are_forgotten_after_their_retention(drill: Drill) -> None:
    await drill.enqueue(Quick(key="old"), Quick(key="new"), Act(key="dead", do="fail"))
    async with drill.working(quick, act):
        await drill.eventually(
            lambda: drill.state("old") == drill.state("new") == "done" and drill.state("dead") == "dead", "they ended"
        )
    drill.rows(
        "update clarivum.job_runs set started_at = started_at - interval '31 days',"
        " finished_at = finished_at - interval '31 days' where key <> 'new' returning 1"
    )
    async with Database(drill.urls.app, pipelines=1, connections=2) as database:
        forever = dataclasses.replace(quick, retention_days=3_650)
        assert await Housekeeping([forever], database, PgmqTransport(database)).forget() == 0
        assert await Housekeeping([quick, act], database, PgmqTransport(database)).forget() == 1
    assert (drill.state("old"), drill.state("new"), drill.state("dead")) == (None, "done", "dead")


async def test_the_ledger_is_reached_by_index_however_large(drill: Drill) -> None:
    """Claims, and what follows them, must not read a million finished runs."""
    with drill.admin() as connection:
        connection.execute(
            "insert into clarivum.job_runs"
            " (run_id, enqueued_at, started_at, finished_at, attempt, state, job, key, message_id)"
            " select gen_random_uuid(), now(), now(), now(), 1, 'done', 'drill.quick', number::text, number::text"
            " from generate_series(1, 100000) as number"
        )
        connection.execute("analyze clarivum.job_runs")
        connection.execute("set role clarivum_worker")
        connection.execute("set plan_cache_mode = force_generic_plan")
        for query in (
            queries.claim_runs,
            queries.claim_finished,
            queries.examine_runs,
            queries.count_replays,
            queries.extend_leases,
            queries.retry_run,
            queries.forget_finished,
            queries.run_by_id,
            queries.latest_run,
        ):
            nulls = ", ".join("null" for _ in query.parameters)
            connection.execute(f"prepare {query.name} as {query.sql}".encode())
            plan = connection.execute(f"explain execute {query.name} ({nulls})".encode()).fetchall()
            text = "\n".join(row["QUERY PLAN"] for row in plan)
            assert "Seq Scan on job_runs" not in text, f"{query.name}\n{text}"


def test_the_command_line(drill: Drill) -> None:
    def clarivum(*arguments: str) -> str:
        result = CliRunner().invoke(
            app, [*arguments, "--application", "tests.integration.jobs.drill_app"], env={"DATABASE_URL": drill.urls.app}
        )
        if result.exception is not None:
            raise result.exception
        return result.stdout

    run_id = clarivum("enqueue", "drill.quick", '{"key": "by hand"}').strip()
    assert json.loads(clarivum("show", run_id, "--format", "json"))["run_id"] == run_id
    assert f"run       {run_id}" in clarivum("show", run_id)
    depths = {job["job"]: job["depth"] for job in json.loads(clarivum("list", "--format", "json"))}
    assert depths["drill.quick"] == 1
    assert "drill.quick" in clarivum("list")
    with pytest.raises(UsageError, match="/key: Field required"):
        clarivum("enqueue", "drill.quick", "{}")
    with pytest.raises(UsageError, match=r"did you mean drill\.quick"):
        clarivum("enqueue", "drill.quik", "{}")
    with pytest.raises(UsageError, match="no job has run yet"):
        clarivum("show", "latest")
    with pytest.raises(UsageError, match="not a run's id"):
        clarivum("show", "x")
    assert "no dead letters" in clarivum("redrive", "--job", "drill.act")
    assert "1 was no dead letter" in clarivum("redrive", run_id)
    assert "no dead letters" in clarivum("dead", "--since", "1h")
    with pytest.raises(UsageError, match="--since"):
        clarivum("dead", "--since", "yesterday")
