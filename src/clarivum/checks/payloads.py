"""Payload schemas as committed, beside the declarations: what both the rules and `jobs types` look at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clarivum.api.openapi.examples import example_of
from clarivum.jobs import Job
from clarivum.jobs.committed import Committed, objections


@dataclass(frozen=True, slots=True)
class LocalDefinitions:
    """References into the `$defs` of one schema, as Pydantic writes them."""

    schema: Mapping[str, Any]

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self.schema["$defs"][schema["$ref"].rpartition("/")[2]]
        return schema


def example_message(schema: Mapping[str, Any]) -> Any:
    """A plausible message body under a payload's schema; the same one every time."""
    return example_of(dict(schema), LocalDefinitions(schema))


def incompatibilities(job: Job[Any], there: Committed) -> Iterator[str]:
    """Why messages in the queue would fail under the declaration. Each is a sentence without a full stop."""
    yield from objections(job, there, example_message)
