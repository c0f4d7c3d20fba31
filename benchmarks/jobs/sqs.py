"""The SQS side: an endpoint in memory, and the programs that work on it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

from benchmarks.harness.identity import own_environ
from benchmarks.harness.load import ROOT
from benchmarks.harness.peers import PEERS, PythonPeers
from benchmarks.harness.processes import stop
from benchmarks.harness.scratch import Scratch
from benchmarks.jobs.declared import JOBS
from benchmarks.jobs.programs import CONCURRENCY, Program

CELERY_QUEUE = "celery_bench"
PREFETCH = 10
REGION = "eu-central-1"
Environ = dict[str, str]


@contextmanager
def sqs_endpoint() -> Iterator[Environ]:
    """A running endpoint with all queues; what a process needs to use it."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.jobs.sqs_endpoint"],
        cwd=ROOT, env=own_environ(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        environ = {
            **own_environ(),
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{int(server.stdout.readline())}",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
        }
        client = boto3.client(
            "sqs",
            endpoint_url=environ["AWS_ENDPOINT_URL"],
            region_name=REGION,
            aws_access_key_id="bench",
            aws_secret_access_key="bench",
        )
        for queue in (*(job.queue for job in JOBS.values()), CELERY_QUEUE):
            client.create_queue(QueueName=queue)
        yield environ
    finally:
        stop(server)


def ours_on_sqs(scratch: Scratch, environ: Environ, job: str, *, title: str, note: str, drained: int) -> Program:
    peer = {"url": scratch.app_url, "concurrency": CONCURRENCY, "job": job}
    return Program(
        f"ours-sqs-{job}",
        title,
        note,
        [sys.executable, "-m", "benchmarks.peers.job_clarivum"],
        {**environ, "CLARIVUM_JOBS_TRANSPORT": "sqs", "PEER": json.dumps(peer)},
        drained,
        "truncate clarivum.outbox, clarivum.job_runs",
    )


def celery(environ: Environ, python: PythonPeers, drained: int) -> Program:
    peer = {"concurrency": CONCURRENCY, "batch": PREFETCH}
    return Program(
        "celery-sqs",
        "Celery",
        f"solo pool, {CONCURRENCY * PREFETCH} prefetched, acknowledged before the run, no results, no ledger; "
        "in most rounds its client waits a second for every ten messages of this endpoint: its best round is the one "
        "to look at",
        [python.python, PEERS / "job_celery.py"],
        {**environ, "PEER": json.dumps(peer)},
        drained,
        "select 1",
    )
