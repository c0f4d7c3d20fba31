"""`clients/typescript`: the files of the package that a Next.js server enqueues with. Pure."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from clarivum.errors import ConfigurationError
from clarivum.jobs.declaration import Job
from clarivum.jobs.typescript.scalars import UntranslatableError
from clarivum.jobs.typescript.translation import Shape, Translation

FOLDER = "clients/typescript"
COMMAND = "./clarivum jobs types"
HEAD = f"// Made by {COMMAND} from the declarations of the jobs; do not edit.\n"
SOURCES = ("enqueue.ts", "index.ts", "run_id.ts", "senders.ts", "wire.ts")
"""The same for every application."""
WIRE = ("date", "decimal", "dictionary", "duration", "ip", "json", "list", "moment", "oneOf", "real", "text", "time",
        "told", "uuid", "whole")  # fmt: skip
KEY_KINDS = {"uuid": "uuid", "datetime": "moment", "int": "number"}
PACKAGE = {
    "//": f"Made by {COMMAND} from the declarations of the jobs; do not edit.",
    "name": "@clarivum/jobs",
    "version": "0.0.0",
    "private": True,
    "description": "Types, Zod schemas and an enqueue helper for the background jobs",
    "type": "module",
    "exports": {".": {"types": "./dist/index.d.ts", "default": "./dist/index.js"}},
    "files": ["dist"],
    "scripts": {"build": "tsc -p ."},
    "engines": {"node": ">=20"},
    "peerDependencies": {"zod": "^4.0.0"},
    "devDependencies": {"@types/node": "^20.0.0", "typescript": "^5.7.0", "zod": "^4.0.0"},
}
OPTIONS = {
    "compilerOptions": {
        "target": "es2022",
        "lib": ["es2022"],
        "module": "nodenext",
        "moduleResolution": "nodenext",
        "types": ["node"],
        "strict": True,
        "noUncheckedIndexedAccess": True,
        "exactOptionalPropertyTypes": True,
        "noImplicitOverride": True,
        "noFallthroughCasesInSwitch": True,
        "declaration": True,
        "outDir": "dist",
        "rootDir": "src",
    },
    "include": ["src"],
}


def client_files(jobs: Mapping[str, Job[Any]]) -> dict[str, str]:
    """Every generated file by its path below the application's root.

    Raises ConfigurationError, with the job, its file and line and the field, for a payload whose verdict in TypeScript
    could differ from the worker's.
    """
    translation = Translation()
    interfaces = {name: _added(translation, job) for name, job in sorted(jobs.items())}
    written = {
        "package.json": json.dumps(PACKAGE, indent=2) + "\n",
        "tsconfig.json": HEAD + json.dumps(OPTIONS, indent=2) + "\n",
        "src/payloads.ts": HEAD + _payloads(translation),
        "src/jobs.ts": HEAD + _jobs({name: jobs[name] for name in interfaces}, interfaces),
    }
    folder = files("clarivum.jobs.typescript") / "sources"
    for source in SOURCES:
        written[f"src/{source}"] = HEAD + (folder / source).read_text(encoding="utf-8")
    return {f"{FOLDER}/{path}": written[path] for path in sorted(written)}


def notes(jobs: Mapping[str, Job[Any]]) -> list[str]:
    """What only the worker checks: validators of one's own, e-mail addresses, URLs. Raises as `client_files` does."""
    translation = Translation()
    for _, job in sorted(jobs.items()):
        _added(translation, job)
    return translation.notes


def _added(translation: Translation, job: Job[Any]) -> str:
    try:
        return translation.add(job.payload, job.name, job.key)
    except UntranslatableError as error:
        raise ConfigurationError(
            f"{job.file}:{job.line}: job {job.name}: {job.payload.__name__} at {error.path or '/'} has no equal in "
            f"TypeScript: {error.reason}"
        ) from None


# -- payloads.ts -------------------------------------------------------------------------------------------------------
def _payloads(translation: Translation) -> str:
    shapes = "\n".join(_shape(shape) for shape in translation.shapes)
    used = [name for name in WIRE if f"{name}(" in shapes or f"{name}<" in shapes]
    types = ["type Json"] if "Json" in shapes else []
    imported = f'import {{ {", ".join([*types, *used])} }} from "./wire.js";\n' if used or types else ""
    remarks = "".join(f" * {_quoted(note)}.\n" for note in translation.notes)
    told = f"\n/*\n{remarks} */\n" if remarks else ""
    return f'import {{ z }} from "zod";\n\n{imported}{told}\n{shapes}'


def _shape(shape: Shape) -> str:
    members, schemas = [], []
    for each in shape.fields:
        optional = ("?", " | undefined") if each.is_optional else ("", "")
        members.append(
            f"{_comment(each.about, '  ')}  {_name(each.name)}{optional[0]}: {each.code.type}{optional[1]};\n"
        )
        schemas.append(f"  {_name(each.name)}: {each.code.schema},\n")
    about = _comment(shape.about, "")
    return (
        f"{about}export interface {shape.name} {{\n{''.join(members)}}}\n\n"
        f"export const {shape.name}Schema: z.ZodType<{shape.name}, {shape.name}> = z.strictObject({{\n"
        f"{''.join(schemas)}}});\n"
    )


def _name(field: str) -> str:
    return field if field.isidentifier() and field.isascii() else json.dumps(field)


def _comment(text: str, indent: str) -> str:
    if not text:
        return ""
    lines = _quoted(text).split("\n")
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    return f"{indent}/**\n" + "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines) + f"{indent} */\n"


def _quoted(text: str) -> str:
    return text.replace("*/", "*\\/")


# -- jobs.ts -----------------------------------------------------------------------------------------------------------
def _jobs(jobs: Mapping[str, Job[Any]], interfaces: Mapping[str, str]) -> str:
    schemas = ", ".join(f"{name}Schema, type {name}" for name in sorted(set(interfaces.values())))
    payloads = "".join(f"  {json.dumps(name)}: {shape};\n" for name, shape in interfaces.items())
    declarations = "".join(part for name, job in jobs.items() for part in _declaration(job, interfaces[name]))
    imported = f'import {{ {schemas} }} from "./payloads.js";\n\n' if schemas else ""
    return (
        f"{imported}/** What each job is given. */\nexport interface Payloads {{\n{payloads}}}\n\n"
        f"export type JobName = keyof Payloads;\n\n"
        f"/** Each job with its queue and the field that is its idempotency key. */\n"
        f"export const jobs = {{\n{declarations}}} as const;\n"
    )


def _declaration(job: Job[Any], shape: str) -> Iterator[str]:
    yield _comment(job.summary, "  ")
    yield (
        f"  {json.dumps(job.name)}: {{ queue: {json.dumps(job.queue)}, key: {json.dumps(job.key)}, "
        f"keyKind: {json.dumps(_key_kind(job))}, schemaVersion: {job.payload.schema_version}, "
        f"uniqueSeconds: {json.dumps(job.unique_s)}, payload: {shape}Schema }},\n"
    )


def _key_kind(job: Job[Any]) -> str:
    """How the key becomes text; see `key_text` of the declaration."""
    node: Any = job.payload.__pydantic_core_schema__
    while node["type"] != "model-fields":
        node = node["schema"]
    node = node["fields"][job.key]["schema"]
    while node["type"] in {"default", "function-after"}:
        node = node["schema"]
    return KEY_KINDS.get(node["type"], "text")
