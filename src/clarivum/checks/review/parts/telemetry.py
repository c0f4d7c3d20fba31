"""Telemetry: spans and metric series that appear or disappear, by construction and by the application's own code."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from clarivum.checks.review.change import Change
from clarivum.checks.review.markdown import Block, Cell, Table
from clarivum.checks.review.part import Part
from clarivum.checks.review.side import Side
from clarivum.checks.review.wording import names

MOST = 40
ROUTE_METRIC, JOB_METRIC = "http.server.request.duration", "messaging.process.duration"
QUERY_METRIC = "db.client.operation.duration"

Group = tuple[str, str]
"""Kind and what the names have in common: `span` and `of routes`."""


def describe(change: Change) -> Sequence[Block]:
    if change.base.unloaded or change.head.unloaded:
        return []
    before, after = (set(_names(side)) for side in (change.base, change.head))
    rows: list[tuple[Cell, ...]] = []
    for told, found in (("new", after - before), ("gone", before - after)):
        groups: defaultdict[Group, list[str]] = defaultdict(list)
        for group, name in sorted(found):
            groups[group].append(name)
        rows += [(kind, of, told, names(found, MOST)) for (kind, of), found in groups.items()]
    return [Table(("kind", "of", "change", "names"), tuple(rows))] if rows else []


def _names(side: Side) -> Iterator[tuple[Group, str]]:
    for route in side.routes:
        yield ("span", "routes"), route.title
        yield ("metric", f"{ROUTE_METRIC}, by http.route"), route.path
    for job in side.jobs:
        yield ("span", "jobs"), f"send {job.queue}"
        yield ("span", "jobs"), f"process {job.queue}"
        yield ("metric", f"{JOB_METRIC}, by clarivum.job.name"), job.name
    for query in side.queries:
        yield ("span", "queries"), query.name
        yield ("metric", f"{QUERY_METRIC}, by db.query.summary"), query.name
    for name in side.spans:
        yield ("span", "the application's own code"), name
    for name in side.metrics:
        yield ("metric", "the application's own code"), name


PART = Part("telemetry", "Telemetry", describe)
