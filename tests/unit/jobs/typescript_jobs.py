"""Jobs whose payloads hold everything that is translated, and a Node process that judges values as the client does."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import UUID4, AwareDatetime, Field, StringConstraints

from clarivum.jobs import Job, Payload, Run, job
from clarivum.jobs.typescript import FOLDER, client_files
from clarivum.testing.npm import install

NPM = Path(__file__).parents[2] / "npm" / "typescript-client"


class Colour(Enum):
    RED = "red"
    GREEN = "green \\ \"*/ '"


class Level(IntEnum):
    LOW = 0
    HIGH = 1


class Part(Payload):
    """A part. Not the end: */ of a comment."""

    name: str
    parts: list["Part"] = []


class Cat(Payload):
    kind: Literal["cat"] = "cat"
    lives: Annotated[int, Field(ge=1, le=9)] = 9


class Dog(Payload):
    kind: Literal["dog"]
    barks: bool


class Texts(Payload):
    key: Annotated[str, StringConstraints(min_length=1, max_length=5)]
    slug: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$")] | None = None
    digits: Annotated[str, StringConstraints(pattern=r"\d{2,4}\s?\w.[^\s/\]-]?$")] | None = None
    category: Annotated[str, StringConstraints(pattern=r"^\p{Lu}[\p{L}\x20'-]*\z")] | None = None
    tidy: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, to_lower=True)] = "ab"
    colour: Colour = Colour.RED
    level: Level | None = None
    word: Literal["a", 1, None, True] = "a"
    class_: str | None = Field(default=None, description="A word of the language's own")


class Numbers(Payload):
    key: int
    bounded: Annotated[int, Field(gt=-5, lt=10, multiple_of=3)] = 3
    ratio: Annotated[float, Field(ge=0, le=1.5)] = 0.5
    low: Annotated[float, Field(gt=-1, lt=0.1)] | None = None
    any_float: float = 0.0
    price: Decimal | None = None
    number_or_text: int | str | bool | None = None


class Moments(Payload):
    key: AwareDatetime
    day: date = date(2026, 11, 26)
    at: time | None = None
    lasts: timedelta | None = timedelta(seconds=90)


class Identities(Payload):
    key: UUID
    random: UUID4 | None = None
    v4: IPv4Address | None = None
    v6: IPv6Address | None = None
    either: IPv4Address | IPv6Address | UUID | None = None


class Composed(Payload):
    key: date
    part: Part | None = None
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]] = []
    untold: Cat | Dog | None = None
    pair: tuple[int, str] | None = None
    row: tuple[float, ...] = ()
    few: Annotated[list[str], Field(min_length=1, max_length=2)] | None = None
    names: Annotated[dict[Annotated[str, StringConstraints(min_length=1)], int | None], Field(max_length=2)] = {}
    tags: set[str] = set()
    anything: Any = None
    nested: dict[str, list[dict[str, Any]]] = {}


class Windowed(Payload):
    key: Level


def declared(payload: type[Payload], name: str, unique_s: int | None = None) -> Job[Any]:
    @job(payload, name=name, key="key", unique_s=unique_s)
    async def handler(payload: Payload, run: Run) -> None: ...

    return handler


ODD: Mapping[str, Job[Any]] = {
    each.name: each
    for each in (
        *(declared(kind, f"odd.{kind.__name__.lower()}") for kind in (Texts, Numbers, Moments, Identities, Composed)),
        declared(Windowed, "odd.windowed", unique_s=3_600),
    )
}


def built(jobs: Mapping[str, Job[Any]], folder: Path) -> Path:
    """The client of some jobs, compiled as its package.json says; returns the folder of the package."""
    for path, text in client_files(jobs).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    package = folder / FOLDER
    (package / "node_modules").symlink_to(install(NPM) / "node_modules", target_is_directory=True)
    compile_with(package, "-p", ".")
    return package


def compile_with(package: Path, *options: str) -> None:
    """Run tsc; what it says is the failure."""
    node = shutil.which("node")
    assert node is not None
    command = [node, "node_modules/typescript/lib/tsc.js", *options]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout


class Judge:
    """The client's verdicts, one value at a time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, job_name: str, value: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"job": job_name, "value": value}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def judging(package: Path) -> Iterator[Judge]:
    """A Node process for the client in `package`."""
    node = shutil.which("node")
    assert node is not None
    command = [node, str(NPM / "verdicts.mjs"), str(package / "dist" / "index.js")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Judge(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
