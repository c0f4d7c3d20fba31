"""The metrics of workers and queues beyond the conventions' own (messaging.process.duration and the sent messages)."""

from clarivum.telemetry import counter, gauge, histogram

JOB = ("clarivum.job.name",)
WAIT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 0.8, 2.5, 10.0, 60.0, 300.0, 900.0)

OUTCOMES = counter(
    "clarivum.job.runs",
    "Attempts and messages by outcome: done, retry, dead, replay, invalid, deferred, released, lost, cancelled.",
    "{run}",
    (*JOB, "clarivum.job.outcome"),
)
START_DELAY = histogram(
    "clarivum.job.start_delay",
    "From when a run was due (enqueued, or its delay over) to the start of its first attempt.",
    "s",
    WAIT_SECONDS,
    JOB,
)
FETCH_DURATION = histogram(
    "clarivum.job.fetch.duration",
    "One look into a queue. Above 50 ms the queue's table holds too many dead rows: an old transaction keeps them.",
    "s",
    (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
    JOB,
)
RUNNING = gauge("clarivum.job.running", "Runs in this process.", "{run}", JOB)
QUEUE_DEPTH = gauge("clarivum.job.queue.depth", "Messages in the queue, visible or not.", "{message}", JOB)
QUEUE_AGE = gauge("clarivum.job.queue.oldest_age", "How long the oldest message that is due has waited.", "s", JOB)
DEAD_LETTERS = gauge("clarivum.job.dead_letters", "Dead letters that wait for a decision.", "{run}", JOB)
