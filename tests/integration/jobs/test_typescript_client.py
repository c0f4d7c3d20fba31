"""The TypeScript client as a Next.js server uses it: real drivers, the real database, the real worker."""

import json
import shutil
import subprocess
from base64 import b64encode
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from clarivum.jobs.message import run_id_of
from clarivum.jobs.typescript import FOLDER
from tests.integration.jobs.conftest import Drill
from tests.integration.jobs.drill_jobs import quick
from tests.unit.jobs.typescript_jobs import NPM, built

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
DRIVERS = ["pg", "postgres"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client of the drill's job, compiled under `strict` together with a producer that uses both drivers."""
    folder = tmp_path_factory.mktemp("client")
    (folder / FOLDER / "src").mkdir(parents=True)
    shutil.copyfile(NPM / "producer.ts", folder / FOLDER / "src" / "producer.ts")
    return built({quick.name: quick}, folder)


def produce(client: Path, drill: Drill, **task: Any) -> dict[str, Any]:
    node = shutil.which("node")
    assert node is not None
    parts = conninfo_to_dict(drill.urls.app)
    login = {name: parts[name] for name in ("user", "password", "host")}
    login |= {"port": int(str(parts["port"])), "database": parts["dbname"]}
    wanted = {"login": login, "sender": "pgmq", "ending": "commit", "payload": {"key": "a"}, **task}
    command = [node, str(client / "dist" / "producer.js"), json.dumps(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_job_from_node_has_one_effect_in_the_callers_trace(client: Path, drill: Drill, driver: str) -> None:
    task = {"driver": driver, "traceparent": TRACEPARENT, "payload": {"key": "Zażółć 😀"}}
    answers = [produce(client, drill, **task) for _ in range(2)]
    assert answers == [{"runId": str(run_id_of(quick.name, "Zażółć 😀"))}] * 2
    async with drill.working(quick):
        await drill.eventually(lambda: drill.depth(quick) == 0, "both messages are settled")
    [effect] = drill.effects()
    assert (effect["key"], effect["trace_id"]) == ("Zażółć 😀", TRACE)
    assert drill.letters() == []


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("sender", ["pgmq", "outbox"])
def test_a_rollback_leaves_nothing(client: Path, drill: Drill, driver: str, sender: str) -> None:
    assert "runId" in produce(client, drill, driver=driver, sender=sender, ending="rollback")
    assert drill.depth(quick) == 0
    assert drill.rows("select * from clarivum.outbox") == []


@pytest.mark.parametrize("driver", DRIVERS)
def test_for_sqs_it_is_a_row_of_the_outbox(client: Path, drill: Drill, driver: str) -> None:
    answer = produce(client, drill, driver=driver, sender="outbox", delaySeconds=3_600)
    [row] = drill.rows("select *, due_at - enqueued_at > '59 minutes' as is_delayed from clarivum.outbox")
    assert (row["queue"], json.loads(row["body"]), row["is_delayed"]) == (quick.queue, {"key": "a"}, True)
    told = datetime.fromisoformat(row["headers"].pop("due_at"))
    assert abs(told - row["due_at"]) < timedelta(minutes=1), "what the worker's start delay is measured from"
    assert row["headers"] == {"job": quick.name, "key": "a", "run_id": answer["runId"], "schema_version": "1"}
    assert drill.depth(quick) == 0


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("sender", ["pgmq", "outbox"])
def test_no_statement_beside_a_send_runs_as_the_worker(client: Path, drill: Drill, driver: str, sender: str) -> None:
    """Jobs enqueued at once, one of which the database refuses, and the caller's own statements between them."""
    with drill.admin() as connection:
        connection.execute("alter table pgmq.q_drill_quick add check (headers ->> 'key' <> 'refused')")
        connection.execute("alter table clarivum.outbox add check (headers ->> 'key' <> 'refused')")
    keys = ["a", "b", "refused", "c", "'); drop table drill.effects; --"]
    answer = produce(client, drill, driver=driver, sender=sender, together=[{"key": key} for key in keys])
    assert answer["settled"] == ["rejected" if key == "refused" else "fulfilled" for key in keys]
    assert set(answer["roles"][:-1]) <= {"authenticated", "25P02"}  # 25P02: between the refusal and what takes it back
    assert answer["roles"][-1] == "authenticated"
    table = "pgmq.q_drill_quick" if sender == "pgmq" else "clarivum.outbox"
    stored = drill.rows(f"select headers ->> 'key' as key from {table}")
    committed = sorted(set(keys) - {"refused"}) if driver == "pg" else []  # postgres.js rolls back after any error
    assert sorted(row["key"] for row in stored) == committed


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("sender", ["pgmq", "outbox"])
def test_jobs_enqueued_at_once_are_all_sent(client: Path, drill: Drill, driver: str, sender: str) -> None:
    keys = ["a", "b", "c", "it's", "$enqueue$;", "Zażółć 😀"]
    answer = produce(client, drill, driver=driver, sender=sender, together=[{"key": key} for key in keys])
    assert (answer["settled"], set(answer["roles"])) == (["fulfilled"] * len(keys), {"authenticated"})
    table = "pgmq.q_drill_quick" if sender == "pgmq" else "clarivum.outbox"
    assert sorted(row["key"] for row in drill.rows(f"select headers ->> 'key' as key from {table}")) == sorted(keys)


def test_an_error_does_not_quote_the_payload(client: Path, drill: Drill) -> None:
    with drill.admin() as connection:
        connection.execute("alter table clarivum.outbox add check (headers ->> 'key' <> 'secret')")
    answer = produce(client, drill, driver="pg", sender="outbox", payload={"key": "secret"})
    assert "insert into clarivum.outbox" in answer["context"]
    assert "secret" not in answer["context"]
    assert b64encode(b'{"key":"secret"}').decode() not in answer["context"]


@pytest.mark.parametrize("payload", [{}, {"key": 1}, {"key": ""}, {"key": "a", "other": 1}, {"key": "a\0"}])
def test_what_the_worker_would_refuse_is_not_sent(client: Path, drill: Drill, payload: dict[str, Any]) -> None:
    answer = produce(client, drill, driver="pg", payload=payload)
    assert answer["name"] == "InvalidPayloadError"
    assert drill.depth(quick) == 0


def test_outside_a_transaction_nothing_is_sent(client: Path, drill: Drill) -> None:
    answer = produce(client, drill, driver="pg", ending="no transaction")
    assert "SAVEPOINT" in answer["refused"]
    assert drill.depth(quick) == 0


def test_a_missing_queue_leaves_the_callers_transaction_usable(client: Path, drill: Drill) -> None:
    with drill.admin() as connection:
        connection.execute("select pgmq.drop_queue('drill_quick')")
    answer = produce(client, drill, driver="pg")
    assert "drill_quick" in answer["refused"]


def test_a_malformed_trace_is_left_out(client: Path, drill: Drill) -> None:
    produce(client, drill, driver="pg", traceparent="00-ff-'; drop table")
    [message] = drill.rows("select headers from pgmq.q_drill_quick")
    assert "traceparent" not in message["headers"]
