"""Workers on SQS as real processes: killed, stopped, flooded with duplicates, cut off."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from clarivum.jobs import job
from clarivum.testing.aws import AwsServer, Kind
from clarivum.testing.ports import free_port
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.jobs.conftest import ROOT
from tests.integration.jobs.cut_proxy import CutProxy
from tests.integration.jobs.drill_jobs import JOBS as ALL
from tests.integration.jobs.drill_jobs import WORLD, Act, Fragile, Quick, Slow, act, fragile, quick, slow
from tests.integration.jobs.sqs_drill import SqsDrill

JOBS = [quick, act, fragile]


@pytest.fixture
def drill(database_urls: DatabaseUrls, aws_servers: Callable[[Kind], AwsServer], tmp_path: Path) -> Iterator[SqsDrill]:
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        connection.execute(WORLD)
    drill = SqsDrill(database_urls, tmp_path, server=aws_servers("ministack"))
    drill.create_queues(*JOBS)
    yield drill
    drill.end()


def test_the_same_message_a_hundred_times(drill: SqsDrill) -> None:
    for first in range(0, 100, 10):
        entries = [{"Id": str(number), "MessageBody": '{"key": "same"}'} for number in range(first, first + 10)]
        drill.sqs.send_message_batch(QueueUrl=drill.url(quick), Entries=entries)
    workers = [drill.start(quick, concurrency=4) for _ in range(3)]
    drill.until(lambda: drill.depth(quick) == 0, "all were acknowledged")
    assert len(drill.effects()) == 1
    assert (drill.run("same") or {})["replays"] == 99
    assert all(worker.process.poll() is None for worker in workers)


async def test_killed_before_the_effect_runs_again(drill: SqsDrill) -> None:
    await drill.enqueue(Act(key="a", do="kill", up_to_attempt=1))
    assert drill.start(act, visibility_s=1).wait() == -signal.SIGKILL
    assert drill.effects() == []
    drill.start(act, visibility_s=1)
    await drill.eventually(lambda: drill.state("a") == "done", "the second worker took over")
    assert [effect["attempt"] for effect in drill.effects()] == [2]
    assert [entry["error"] for entry in (drill.run("a") or {})["history"]] == ["AttemptLost"]


async def test_killed_after_the_commit_has_one_effect(drill: SqsDrill) -> None:
    await drill.enqueue(Act(key="a", do="kill_after_commit"))
    assert drill.start(act, visibility_s=1).wait() == -signal.SIGKILL
    assert (drill.state("a"), drill.depth(act)) == ("done", 1), "the acknowledgement never happened"
    drill.start(act, visibility_s=1)
    await drill.eventually(lambda: drill.depth(act) == 0, "the ledger answered for the second delivery")
    assert len(drill.effects()) == 1
    assert (drill.run("a") or {})["replays"] == 1


async def test_a_queue_that_is_gone_costs_no_other_job_its_leases(drill: SqsDrill) -> None:
    """Neither those of the job behind it in the list, nor its own run's."""

    class Patient(Slow):
        """A payload of its own."""

    patient = job(Patient, name="drill.patient", key="key", timeout_s=30)(slow.handler)
    await asyncio.to_thread(drill.create_queues, slow, patient)
    async with drill.working(slow, patient, visibility_s=1), drill.working(slow, patient, visibility_s=1):
        for each, key in ((slow, "a"), (patient, "b")):
            drill.send_raw(each, json.dumps({"key": key, "do": "sleep_then_effect", "seconds": 3}))
        await drill.eventually(lambda: drill.state("a") == drill.state("b") == "running", "both have begun")
        await asyncio.to_thread(drill.sqs.delete_queue, QueueUrl=drill.url(slow))
        await drill.eventually(lambda: drill.state("a") == drill.state("b") == "done", "both ended")
    assert {effect["key"]: effect["attempt"] for effect in drill.effects()} == {"a": 1, "b": 1}


async def test_a_payload_that_kills_its_process_is_buried(drill: SqsDrill) -> None:
    await drill.enqueue(Fragile(key="killer", do="kill"), Fragile(key="good"))
    while drill.state("killer") != "dead":
        worker = drill.start(fragile, visibility_s=1)
        await drill.eventually(
            lambda worker=worker: worker.process.poll() is not None or drill.state("killer") == "dead",
            "the killer struck or was buried",
        )
    [letter] = drill.letters()
    assert (letter["key"], letter["error"], letter["attempts"]) == ("killer", "AttemptLost", 2)
    await drill.eventually(lambda: drill.state("good") == "done", "its neighbour is done")
    assert len(drill.effects()) == 1


async def test_sigterm_waits_for_the_long_poll_and_no_longer(drill: SqsDrill) -> None:
    worker = drill.start(quick, act, fragile)
    began = time.monotonic()
    worker.send(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait) == 0, worker.log()
    assert time.monotonic() - began < 8


async def test_a_message_wakes_a_worker_that_waits(drill: SqsDrill) -> None:
    """Neither the relay's poll nor a pause between looks: both are told."""
    drill.start(quick)
    await drill.enqueue(Quick(key="first"))
    await drill.eventually(lambda: drill.state("first") == "done", "the worker has settled in")
    await drill.enqueue(*(Quick(key=f"k{number}") for number in range(5)))
    await drill.eventually(lambda: len(drill.effects()) == 6, "all ran")
    delays = [run["started_at"] - run["enqueued_at"] for run in map(drill.run, [f"k{n}" for n in range(5)]) if run]
    assert max(delay.total_seconds() for delay in delays) < 0.9, "sooner than any poll"


async def test_an_endpoint_that_goes_and_comes_back_loses_nothing(drill: SqsDrill) -> None:
    keys = sorted(f"k{number}" for number in range(300))
    with CutProxy(drill.server.port) as proxy:
        drill.endpoint_url = proxy.url
        drill.__post_init__()
        await drill.enqueue(*(Quick(key=key) for key in keys[:150]))
        workers = [drill.start(quick, visibility_s=2, concurrency=2) for _ in range(2)]
        await drill.eventually(lambda: len(drill.effects()) > 10, "work is under way")
        proxy.cut()
        await drill.enqueue(*(Quick(key=key) for key in keys[150:]))
        await drill.eventually(
            lambda: all("cannot be read" in worker.log() or "wait in the outbox" in worker.log() for worker in workers),
            "both have noticed",
        )
        proxy.mend()
        await drill.eventually(lambda: drill.depth(quick) == 0 and len(drill.effects()) >= 300, "all is done", 60)
    assert sorted(effect["key"] for effect in drill.effects()) == keys


async def test_a_worker_waits_for_an_endpoint_that_is_away(drill: SqsDrill) -> None:
    await drill.enqueue(Quick(key="a"))
    with CutProxy(drill.server.port) as proxy:
        drill.endpoint_url = proxy.url
        drill.__post_init__()
        proxy.cut()
        worker = drill.start(quick, says="waits for the queues")
        proxy.mend()
        await drill.eventually(lambda: drill.state("a") == "done", "it works")
        assert worker.log().count("waits for the queues") == 1


def test_a_worker_that_waits_for_its_queues_ends_at_once(drill: SqsDrill) -> None:
    drill.endpoint_url = f"http://127.0.0.1:{free_port()}"
    drill.__post_init__()
    worker = drill.start(quick, says="waits for the queues")
    worker.send(signal.SIGTERM)
    assert worker.wait(2) == 0, worker.log()


# -- the command line --------------------------------------------------------------------------------------------------
def clarivum(drill: SqsDrill, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "clarivum", "jobs", *arguments],
        env={**os.environ, **drill.environ, "DATABASE_URL": drill.urls.app, **environ},
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


APPLICATION = ("--application", "tests.integration.jobs.drill_app:application")


def test_queues_are_listed_made_and_named_when_they_are_missing(drill: SqsDrill) -> None:
    listed = clarivum(drill, "queues", *APPLICATION)
    assert listed.returncode == 3
    assert f"{drill.prefix}drill_quick" in listed.stdout
    assert "jobs template" in listed.stderr
    work = clarivum(drill, "work", *APPLICATION)
    assert work.returncode == 3, work.stderr
    assert "drill_bulk" in work.stderr
    assert "jobs template" in work.stderr
    made = clarivum(drill, "queues", "--create", *APPLICATION)
    assert made.returncode == 0, made.stderr
    assert clarivum(drill, "queues", *APPLICATION).returncode == 0


def test_enqueue_relay_list_and_redrive_by_hand(drill: SqsDrill) -> None:
    drill.create_queues(*ALL)
    enqueued = clarivum(drill, "enqueue", "drill.quick", '{"key": "a"}', *APPLICATION)
    assert enqueued.returncode == 0, enqueued.stderr
    shown = clarivum(drill, "show", enqueued.stdout.strip(), "--format", "json", *APPLICATION)
    assert json.loads(shown.stdout)["state"] == "queued"
    relayed = clarivum(drill, "relay", "--once", *APPLICATION)
    assert "1 left the outbox" in relayed.stdout, relayed.stderr
    listed = clarivum(drill, "list", "--format", "json", *APPLICATION)
    [row] = [row for row in json.loads(listed.stdout) if row["job"] == "drill.quick"]
    assert (row["depth"], row["ready"]) == (1, 1)
    drill.send_raw(quick, "not JSON at all")
    drill.start(quick)
    drill.until(lambda: drill.state("a") == "done" and drill.letters(), "both were settled")
    [letter] = drill.letters()
    assert letter["payload"] == "not JSON at all"
    redriven = clarivum(drill, "redrive", str(letter["run_id"]), *APPLICATION)
    assert "1 sent again" in redriven.stdout, redriven.stderr


@pytest.mark.parametrize(
    ("environ", "code", "said"),
    [
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, 3, "AWS_REGION is missing"),
        ({"CLARIVUM_JOBS_TRANSPORT": "rabbit"}, 3, "CLARIVUM_JOBS_TRANSPORT"),
        ({"CLARIVUM_SQS_QUEUE_PREFIX": "no spaces"}, 3, "CLARIVUM_SQS_QUEUE_PREFIX"),
        ({"CLARIVUM_JOBS_TRANSPORT": "pgmq"}, 3, "CLARIVUM_SQS_QUEUE_PREFIX is set"),
        ({"AWS_ENDPOINT_URL": "ftp://here"}, 3, "AWS_ENDPOINT_URL"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 3, "no AWS credentials"),
    ],
)
def test_settings_that_cannot_be_used(drill: SqsDrill, environ: dict[str, str], code: int, said: str) -> None:
    refused = clarivum(drill, "work", *APPLICATION, **environ)
    assert refused.returncode == code, refused.stderr
    assert said in refused.stderr
    assert "testing" not in refused.stderr, "never a value"


class _RefusesCredentials(BaseHTTPRequestHandler):
    """An SQS that knows nobody."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"__type": "com.amazonaws.sqs#InvalidClientTokenId", "message": "The token testing is invalid."}'
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Not on the terminal."""


def test_a_worker_does_not_wait_where_its_credentials_are_refused(drill: SqsDrill) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _RefusesCredentials) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        refused = clarivum(drill, "work", *APPLICATION, AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert refused.returncode == 3, refused.stderr
    assert "SQS refused GetQueueUrl: InvalidClientTokenId" in refused.stderr
    assert "testing" not in refused.stderr, "never a value"
