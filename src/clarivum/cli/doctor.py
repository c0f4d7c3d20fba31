"""`doctor`: what is configured, which versions are here, what answers, and what to do about the rest."""

import json
import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from clarivum import telemetry
from clarivum.cli.dependency import Dependency, State
from clarivum.cli.group import group
from clarivum.cli.place import Running, data_folder
from clarivum.cli.reachability import dependencies
from clarivum.cli.terminal import BOLD, DIM, GREEN, RED, Format, painter, wants_colour
from clarivum.cli.token_file import read_token
from clarivum.cli.versions import versions
from clarivum.errors import ConfigurationError, Exit
from clarivum.settings import Settings, mask, sources, variables_of

app = group()

MARKS = {State.OK: (GREEN, "✓"), State.DOWN: (RED, "✗"), State.UNFIT: (RED, "✗"), State.OFF: (DIM, "·")}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it may be shown: secrets are stars. `source` is the variable it came from, or `default`."""

    name: str
    variables: tuple[str, ...]
    source: str
    value: str


@app.command()
def doctor(
    form: Annotated[Format, typer.Option("--format", help="How the answer is written.")] = Format.TEXT,
    data: Annotated[Path | None, typer.Option(help="The folder that `up` uses. [.clarivum]")] = None,
    token: Annotated[
        str | None, typer.Option(help="A file that holds an access token to be judged; - reads it.", metavar="FILE|-")
    ] = None,
) -> None:
    """List every setting with its source, the versions, and what answers; say what to do about each failure.

    Each issuer's metadata and keys are read, and the usual mistakes named: a final slash too few, a tenant's domain
    for a custom one, HS256, weak keys, a roles claim that Auth0 drops, a clock that is wrong. With a token also an
    audience that was not asked for, and roles that did not arrive.

    Exit code 0 when all is well, 3 when the configuration cannot be used, 5 when a dependency does not answer. Takes at
    most five seconds. Secrets are masked.
    """
    text = None if token is None else read_token(token)
    settings, problem = _load(os.environ)
    if settings is not None:
        quiet = {"log_level": "error", "telemetry_disabled": True, "otlp_endpoint": None}
        telemetry.configure(settings.model_copy(update=quiet), role="cli")
    listed = _listed(settings, os.environ)
    with ThreadPoolExecutor(1) as beside:
        here = beside.submit(lambda: dict(versions()))
        found = [] if settings is None else dependencies(settings, Running.read(data_folder(data)), text)
    ended = _exit(problem, found)
    if form is Format.JSON:
        document = _document(listed, here.result(), problem, found, ended)
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(_text(listed, here.result(), problem, found, colour=wants_colour()))
    sys.stdout.flush()
    if ended:
        raise typer.Exit(ended)


def _load(environ: Mapping[str, str]) -> tuple[Settings | None, str]:
    try:
        return Settings.load(environ), ""
    except ConfigurationError as error:
        return None, error.detail


def _listed(settings: Settings | None, environ: Mapping[str, str]) -> list[Setting]:
    """All settings, also when some cannot be used: then those that are set are shown as stars."""
    chosen = sources(Settings, environ)
    found = []
    for name, field in Settings.model_fields.items():
        source = chosen[name]
        unread = "(set)" if source else mask(field.default)
        value = unread if settings is None else mask(getattr(settings, name))
        found.append(Setting(name, tuple(variables_of(Settings, name)), source or "default", value))
    return found


def _exit(problem: str, found: list[Dependency]) -> Exit:
    codes = {Exit.CONFIGURATION} if problem else {dependency.exit for dependency in found}
    return next((code for code in (Exit.CONFIGURATION, Exit.DEPENDENCY_DOWN) if code in codes), Exit.OK)


def _document(
    listed: list[Setting], here: Mapping[str, str], problem: str, found: list[Dependency], ended: Exit
) -> dict[str, Any]:
    return {
        "settings": [asdict(setting) for setting in listed],
        "problem": problem or None,
        "versions": dict(here),
        "dependencies": [asdict(dependency) for dependency in found],
        "exit": ended.value,
    }


def _text(
    listed: list[Setting], here: Mapping[str, str], problem: str, found: list[Dependency], *, colour: bool
) -> str:
    paint = painter(colour)
    lines = [paint(BOLD, "Settings")]
    wide = max(len(setting.variables[0]) for setting in listed)
    for setting in listed:
        origin = "" if setting.source == "default" else f"   from {setting.source}"
        lines.append(f"  {setting.variables[0]:<{wide}}  {setting.value or '(empty)'}{paint(DIM, origin)}")
    lines += ["", paint(BOLD, "Versions"), *(f"  {name:<{wide}}  {version}" for name, version in here.items())]
    lines += ["", paint(BOLD, "Reachable")]
    if problem:
        lines.append(f"  {paint(RED, '✗')} configuration  {problem}")
        lines.append("    fix   correct the named variable; docs/settings.md lists all of them")
    longest = max((len(dependency.name) for dependency in found), default=0)
    for dependency in found:
        code, mark = MARKS[dependency.state]
        lines.append(f"  {paint(code, mark)} {dependency.name:<{longest}}  {dependency.detail}")
        if dependency.fix:
            lines.append(f"    fix   {dependency.fix}")
    failing = sum(1 for dependency in found if dependency.exit) + bool(problem)
    lines += ["", f"  {len(listed)} settings, {len(found)} dependencies, {failing or 'none'} failing", ""]
    return "\n".join(lines)
