"""Jobs: new, changed and gone, with what becomes of messages that wait."""

from collections.abc import Iterator, Sequence

from clarivum.checks.review.change import Change, State
from clarivum.checks.review.job_difference import JobChange, job_changes
from clarivum.checks.review.json_schema import resolved
from clarivum.checks.review.markdown import Block, Cell, Code, Paragraph, Table
from clarivum.checks.review.part import Part
from clarivum.checks.review.parts.contract import unknown
from clarivum.checks.review.side import DeclaredJob
from clarivum.checks.review.wording import cell


def describe(change: Change) -> Sequence[Block]:
    reason = unknown(change)
    if reason:
        return [Paragraph(reason)]
    rows = tuple(row for each in job_changes(change) for row in _rows(each))
    return [Table(("job", "what", "before", "after"), rows)] if rows else []


def warn(change: Change) -> Iterator[Cell]:
    for each in () if unknown(change) else job_changes(change):
        if each.fails_waiting_messages:
            places = "; ".join(f"{one.path} {one.what}" for one in each.payload if one.breaking)
            yield cell("messages that wait for ", Code(each.one.name), f" will not be accepted: {places}")
        keys = [one for one in each.settings if one[0] == "key"]
        if keys:
            yield cell("the key of ", Code(each.one.name), " changes: what was done once may be done once more")


def _rows(each: JobChange) -> Iterator[tuple[Cell, ...]]:
    named = Code(each.one.name)
    if each.state is State.NEW:
        yield named, "new job", "–", _told(each.one)
    elif each.state is State.REMOVED:
        yield named, "gone", _told(each.one), "–"
    for name, before, after in each.settings:
        yield named, name, Code(before) or "–", Code(after) or "–"
    for one in each.payload:
        breaks = "; messages that wait are not accepted" if one.breaking else ""
        yield named, "payload", Code(one.path), f"{one.what}{breaks}"


def _told(job: DeclaredJob) -> Cell:
    settings = ", ".join(f"{name} {value}" for name, value in job.settings.items())
    fields = ", ".join(f"{name}: {_type(job, name)}" for name in job.schema.get("properties", {}))
    return cell(
        Code(f"{job.payload}({fields})"), " in queue ", Code(job.queue), ", key ", Code(job.key), f", {settings}"
    )


def _type(job: DeclaredJob, name: str) -> str:
    schema = resolved(job.schema["properties"][name], job.schema)
    options = schema.get("anyOf") or [schema]
    return " or ".join(str(each.get("format") or each.get("type") or "any") for each in options)


PART = Part("jobs", "Background jobs", describe, warn)
