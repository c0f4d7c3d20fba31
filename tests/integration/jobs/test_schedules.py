"""One fire for each tick, whoever watches the clock; missed ticks by the declared rule."""

import dataclasses
from datetime import timedelta

from clarivum.database import Database
from clarivum.jobs import outbox
from clarivum.jobs.cron import parse_schedule
from clarivum.jobs.scheduler import Scheduler
from tests.integration.jobs.conftest import Drill
from tests.integration.jobs.drill_jobs import tick


async def test_several_processes_fire_each_tick_once(drill: Drill) -> None:
    workers = [drill.start(tick) for _ in range(3)]
    drill.until(lambda: len(drill.effects()) >= 4, "four seconds have ticked")
    assert all(worker.process.poll() is None for worker in workers)
    ticks = [run["key"] for run in drill.rows("select key from clarivum.job_runs order by key")]
    assert len(ticks) == len(set(ticks))
    assert all(key.endswith("Z") and "." not in key for key in ticks), "a tick is a whole second in UTC"
    sent = drill.rows("select last_value from pgmq.q_drill_tick_msg_id_seq")[0]["last_value"]
    drill.until(lambda: len(drill.effects()) >= sent, "what was sent has run")
    assert drill.rows("select sum(replays) from clarivum.job_runs")[0]["sum"] == 0, "no tick was enqueued twice"


async def test_missed_ticks(drill: Drill) -> None:
    now = drill.rows("select clock_timestamp() as now")[0]["now"]
    hourly = {
        rule: dataclasses.replace(tick, schedule=parse_schedule("30 * * * *", "UTC", rule, now=now))
        for rule in ("skip", "once")
    }
    latest = hourly["once"].schedule.latest_tick(now)
    async with Database(drill.urls.app, pipelines=1, connections=2) as database:
        for rule, expected in (("skip", None), ("once", latest)):
            if rule == "skip" and now - latest <= timedelta(seconds=60):
                continue  # the tick is too fresh to be missed
            drill.rows("delete from clarivum.schedules returning 1")
            drill.rows(
                "insert into clarivum.schedules values ('drill.tick', %s) returning 1", latest - timedelta(hours=9)
            )
            scheduler = Scheduler([hourly[rule]], database, outbox([hourly[rule]]))
            assert await scheduler.tick(hourly[rule]) == expected
            assert await scheduler.tick(hourly[rule]) is None, "and then never again"
            assert drill.rows("select last_tick from clarivum.schedules")[0]["last_tick"] == latest
    assert drill.depth(tick) == 1
