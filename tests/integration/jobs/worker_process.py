"""A real worker process for the fault tests: `python -m tests.integration.jobs.worker_process OPTIONS_AS_JSON`."""

import json
import os
import sys

from clarivum.jobs.backoff import Backoff
from clarivum.jobs.options import WorkerOptions
from clarivum.jobs.worker.process import work
from clarivum.settings import Settings
from tests.integration.jobs.drill_jobs import JOBS
from tests.integration.jobs.drill_semantics import JOBS as SEMANTIC_JOBS


def main() -> None:
    given = json.loads(sys.argv[1])
    names = given.pop("jobs")
    wanted = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("AWS_", "CLARIVUM_JOBS_", "CLARIVUM_SQS_"))
    }
    options = WorkerOptions(**{"backoff": Backoff(base_s=0), "poll_s": 0.1, "concurrency": 4, **given})
    jobs = [job for job in [*JOBS, *SEMANTIC_JOBS] if job.name in names]
    work(jobs, Settings.load(wanted), database_url=os.environ["DRILL_URL"], options=options)


if __name__ == "__main__":
    main()
