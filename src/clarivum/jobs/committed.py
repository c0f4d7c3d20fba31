"""The payload schemas that are committed beside the code, and what a change of the code means for queued messages.

One file a job, `clients/payloads/<job>.json`: what may be in its queue now, under the newest version and older ones.
`./clarivum jobs types` writes them, `check jobs` compares them with the declarations.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clarivum.errors import ConfigurationError
from clarivum.jobs.compatibility import narrowings
from clarivum.jobs.declaration import Job
from clarivum.jobs.payload import PayloadError, decode

FOLDER = Path("clients/payloads")
COMMAND = "./clarivum jobs types"
MAKER = f"made by {COMMAND}: do not edit, but drop versions of `older` that no queue can hold any more"


@dataclass(frozen=True, slots=True)
class Committed:
    """What was agreed on for the messages of one job. `older`: JSON Schemas by version, before `version`."""

    job: str
    queue: str
    key: str
    version: int
    schema: Mapping[str, Any]
    older: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Relative to the application's root."""
        return FOLDER / f"{self.job}.json"

    def text(self) -> str:
        """The file."""
        document = {
            "generated": MAKER,
            "job": self.job,
            "queue": self.queue,
            "key": self.key,
            "version": self.version,
            "schema": self.schema,
            "older": {str(version): self.older[version] for version in sorted(self.older)},
        }
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def parse(text: str, file: str) -> Committed:
    """Read a file. Raises ConfigurationError naming `file` when it is not one of ours."""
    try:
        document = json.loads(text)
        return Committed(
            job=str(document["job"]),
            queue=str(document["queue"]),
            key=str(document["key"]),
            version=int(document["version"]),
            schema=dict(document["schema"]),
            older={int(version): dict(schema) for version, schema in document["older"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{file} is not a payload's schema as {COMMAND} writes it: {error!r}") from None


def read_folder(root: Path) -> dict[str, Committed]:
    """All committed payloads by job. Raises ConfigurationError."""
    paths = sorted((root / FOLDER).glob("*.json"))
    read = (parse(path.read_text(encoding="utf-8"), str(path.relative_to(root))) for path in paths)
    return {committed.job: committed for committed in read}


def wanted(job: Job[Any], there: Committed | None) -> Committed:
    """What the file of a job should hold now. A version that was left behind moves to the older ones."""
    version, older = job.payload.schema_version, dict(there.older) if there else {}
    if there and there.version < version:
        older[there.version] = there.schema
    schema = job.payload.model_json_schema(mode="validation")
    return Committed(job.name, job.queue, job.key, version, schema, older)


def objections(job: Job[Any], there: Committed, example: Callable[[Mapping[str, Any]], Any]) -> Iterator[str]:
    """Why messages written as committed would fail under the declaration, or be taken for other runs.

    `example` makes a value that fits a JSON Schema. Upcasts are tried with it: that shows that they are there and fit
    the payload, not that they mean the right thing.
    """
    version = job.payload.schema_version
    if there.key != job.key:
        yield (
            f"the key was {there.key!r} and is {job.key!r}: a queued message would become another run; "
            "declare another job instead"
        )
    if there.version > version:
        yield f"schema_version went back from {there.version} to {version}: workers would leave what is queued"
        return
    now = job.payload.model_json_schema(mode="validation")
    for old_version, schema in ((there.version, there.schema), *sorted(there.older.items(), reverse=True)):
        if any(number >= old_version for number in job.payload.upcasts):
            yield from _upcast_objections(job, old_version, example(schema))
            continue
        remedy = "give an upcast from it" if old_version < version else "raise schema_version and give an upcast"
        for path, reason in narrowings(schema, now):
            yield f"messages of version {old_version} would fail at {path or '/'}: {reason}; {remedy}"


def _upcast_objections(job: Job[Any], version: int, message: Any) -> Iterator[str]:
    try:
        decode(job.payload, json.dumps(message), version=version)
    except PayloadError as error:
        places = ", ".join(violation.pointer or "/" for violation in error.violations)
        yield f"an example message of version {version} fails after its upcasts: {error.detail} {places}".rstrip()
