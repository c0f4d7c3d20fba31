"""The generated part of docs/runbooks/deployment.md: what each job needs when it is deployed. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from clarivum.checks.pages.job_words import schedule
from clarivum.checks.pages.jobs import alarms, anchor, team
from clarivum.checks.pages.marked import with_parts
from clarivum.checks.pages.registry import COMMAND
from clarivum.jobs import Job
from clarivum.jobs.infrastructure import fits_function
from clarivum.jobs.transports.sqs.names import DEAD_LETTER_SUFFIX
from clarivum.owners import Owner

PART = "jobs"


def runbook_page(there: str, jobs: Mapping[str, Job[Any]], owners: Mapping[str, Owner], where: str) -> str:
    """The page with the sections of the jobs as they should be; what is around them stays.

    Raises ConfigurationError, naming `where` and the line, when its marks are broken.
    """
    sections = "\n".join("".join(_section(job, owners)) for _, job in sorted(jobs.items()))
    return with_parts(there, {PART: sections}, COMMAND, where)


def _section(job: Job[Any], owners: Mapping[str, Owner]) -> Iterator[str]:
    version = job.payload.schema_version
    yield f"### {job.name}\n\n{job.summary} Ask {team(job, owners)}. [All about it](../jobs.md#{anchor(job.name)}).\n\n"
    yield (
        f"- **Queue.** pgmq: `select clarivum.create_queue('{job.queue}');` in the migration that comes with the job. "
        f"SQS: `{job.queue}` and `{job.queue}{DEAD_LETTER_SUFFIX}`, by `infra/template.yaml` or "
        "`./clarivum jobs queues --create`.\n"
    )
    yield f"- **Settings.** {_settings(job)}\n"
    yield f"- **Schedule.** {schedule(job)[:1].upper()}{schedule(job)[1:]}.{_first_tick(job)}\n"
    yield "- **Alarms.** See that they are there: " + "; ".join(alarms(job)) + ".\n"
    yield (
        "- **First day.** `./clarivum jobs list`: its queue is there and does not grow. "
        f"`./clarivum jobs dead --job {job.name} --since 24h` is empty. `clarivum.job.runs` has outcome `done` for it, "
        f"`messaging.process.duration` stays below {job.timeout_s:g} s.\n"
    )
    yield (
        f'- **Roll back.** `./clarivum jobs pause {job.name} --reason "rollback"`, deploy the older workers, '
        f"`./clarivum jobs resume {job.name}`. {_versions(job, version)}\n"
    )
    yield (
        f"- **Remove.** Stop what enqueues it{', here its schedule' if job.schedule else ''}; "
        f"`./clarivum jobs drain {job.name}`; settle what `./clarivum jobs dead --job {job.name}` lists; "
        f"only then take away the declaration, `clients/payloads/{job.name}.json` and the queue, "
        f"`select pgmq.drop_queue('{job.queue}');` in a migration.\n"
    )


def _settings(job: Job[Any]) -> str:
    told = ["`CLARIVUM_JOB_CONCURRENCY` gives a worker its places"]
    if job.concurrency is not None:
        told.append(f"this job takes {job.concurrency} of them at most")
    if job.limit is not None:
        told.append(f"{job.limit} runs of it at once in all processes, by the declaration")
    if job.rate is not None:
        told.append(f"{job.rate} in all processes, by the declaration")
    if job.settings:
        told.append(f"its handler reads {', '.join(f'`{variable}`' for variable in job.settings)}")
    if not fits_function(job):
        told.append("its time limit fits into no Lambda function, so a worker has to run it")
    return "; ".join(told) + "."


def _first_tick(job: Job[Any]) -> str:
    if job.schedule is None:
        return ""
    return (
        " Fired by the scheduler of every worker, one tick once, or by EventBridge Scheduler where the template's "
        "`SchedulesState` is ENABLED: not by both."
    )


def _versions(job: Job[Any], version: int) -> str:
    if version == 1:
        return "Its payload has version 1 still: what is queued can be read by any worker that knows the job."
    return (
        f"Its payload has version {version}: workers that know only version {version - 1} leave the newer messages in "
        "the queue until the newer workers are back."
    )
