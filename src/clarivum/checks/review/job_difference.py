"""What changed in the declarations of jobs, and what it means for messages that wait in a queue. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from clarivum.checks.review.before_after import BeforeAfter
from clarivum.checks.review.change import Change
from clarivum.checks.review.json_schema import Difference, Flow, differences
from clarivum.checks.review.side import DeclaredJob


@dataclass(frozen=True, slots=True)
class JobChange(BeforeAfter[DeclaredJob]):
    """One job that differs. `payload` is how a worker of the head sees payloads of the base."""

    settings: tuple[tuple[str, str, str], ...] = ()
    """Name, before, after; empty where it was not or is not set."""
    payload: tuple[Difference, ...] = ()

    @property
    def fails_waiting_messages(self) -> bool:
        return any(each.breaking for each in self.payload)

    @property
    def fails_old_workers(self) -> bool:
        """Payloads are strict: a worker that does not know a member refuses the message."""
        return any(each.what.startswith(("new", "may now be")) for each in self.payload)


def job_changes(change: Change) -> tuple[JobChange, ...]:
    """The jobs that differ, by name."""
    before = {job.name: job for job in change.base.jobs}
    after = {job.name: job for job in change.head.jobs}
    found = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            found.append(JobChange(old, new))
            continue
        payload = differences(old.schema, new.schema, Flow.IN, old_root=old.schema, new_root=new.schema)
        settings = tuple(_settings(old, new))
        if payload or settings:
            found.append(JobChange(old, new, settings, payload))
    return tuple(found)


def _settings(old: DeclaredJob, new: DeclaredJob) -> Iterator[tuple[str, str, str]]:
    pairs = {
        "queue": (old.queue, new.queue),
        "payload": (old.payload, new.payload),
        "schema_version": (str(old.schema_version), str(new.schema_version)),
        "key": (old.key, new.key),
        "owner": (old.owner, new.owner),
    }
    pairs |= {
        name: (old.settings.get(name, ""), new.settings.get(name, ""))
        for name in dict.fromkeys([*old.settings, *new.settings])
    }
    return ((name, before, after) for name, (before, after) in pairs.items() if before != after)
