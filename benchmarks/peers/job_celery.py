"""Celery on SQS: one worker process, tasks acknowledged before they run, no results, no ledger.

The solo pool: where a task does nothing, handing it to other processes costs more than running it.
"""

import json
import os
import sys
import time
from typing import Any

from celery import Celery

SETTINGS: dict[str, Any] = json.loads(os.environ["PEER"])
QUEUE = "celery_bench"

app = Celery("bench", broker="sqs://testing:testing@")
app.conf.update(
    broker_transport_options={
        "region": os.environ["AWS_REGION"],
        "predefined_queues": {QUEUE: {"url": f"{os.environ['AWS_ENDPOINT_URL']}/000000000000/{QUEUE}"}},
        "polling_interval": 0.01,
        "wait_time_seconds": 0,  # with a long poll its client takes ten jobs a second
    },
    task_default_queue=QUEUE,
    task_ignore_result=True,
    task_acks_late=False,
    worker_prefetch_multiplier=SETTINGS["batch"],
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
)


class Counted:
    """What the worker has done."""

    wanted = 0
    done = 0
    began = 0.0
    cpu_before_s = 0.0


@app.task(name="noop")
def noop(number: int, sent_at: float) -> None:
    """Note the start."""
    if not Counted.done:
        Counted.began, Counted.cpu_before_s = time.perf_counter(), time.process_time()
    Counted.done += 1
    if Counted.done == Counted.wanted:
        seconds, cpu_s = time.perf_counter() - Counted.began, time.process_time() - Counted.cpu_before_s
        result = {"units": Counted.done, "seconds": seconds, "cpu_s": cpu_s, "p50_ms": 0.0, "p99_ms": 0.0}
        os.write(1, f"RESULT {json.dumps(result)}\n".encode())  # Celery has taken sys.stdout for its log
        os._exit(0)


def main() -> None:
    mode, *numbers = sys.argv[1:]
    count = int(numbers[0])
    if mode == "fill":
        with app.producer_or_acquire() as producer:
            for number in range(count):
                noop.apply_async((number, 0.0), producer=producer)
        sys.stdout.write(f"RESULT {json.dumps({'units': count})}\n")
        return
    Counted.wanted = count
    app.worker_main(
        [
            "worker",
            "--pool",
            "solo",
            "--concurrency",
            str(SETTINGS["concurrency"]),
            "--loglevel",
            "ERROR",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ]
    )


if __name__ == "__main__":
    main()
