"""Supabase's advisors (splinter), run by the real Supabase CLI on the scratch database.

They read the catalog as a hosted project's dashboard would, at every level from INFO on. The format is that of
`supabase db advisors --output-format json` of version 3.1.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clarivum.database.schema.supabase_cli import INSTALL, Address, SupabaseCli, find
from clarivum.errors import ConfigurationError

TOGETHER = {"unused_index": "waive it while database/index-unused asks the declared queries instead"}
"""Lints that are one finding, with its advice: on a database that has served no query they name every index."""
NAMED = re.compile(r"`([^`]+)`")
COMMAND = ("db", "advisors", "--type", "all", "--level", "info", "--fail-on", "none", "--output-format", "json")


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing an advisor says. `object` is `schema.name`, and `kind` table, view or function; empty when none."""

    lint: str
    subject: str
    """What a waiver names: Supabase's own key of the finding, or the lint's name for those told together."""
    object: str
    kind: str
    message: str
    fix: str


def find_cli(root: Path, environ: Mapping[str, str]) -> SupabaseCli | None:
    """The Supabase CLI of the project or on PATH, None when there is none."""
    try:
        return SupabaseCli(find(root, {"PATH": environ.get("PATH", "")}), environ)
    except ConfigurationError:
        return None


def not_looked(migrations: str) -> str:
    """What is said where the CLI is missing."""
    return (
        f"{migrations}: Supabase's advisors did not look, because the Supabase CLI is not installed: {INSTALL};"
        " every other rule did"
    )


def advise(cli: SupabaseCli, url: str, kind: str = "all") -> tuple[Advice, ...]:
    """What the advisors of a kind (security, performance, all) say of a database, sorted by their subjects.

    Raises DependencyDownError when the CLI fails, ConfigurationError when it answers in another format.
    """
    address = Address.of(url)
    command = [kind if word == "all" else word for word in COMMAND]
    text = cli.run([*command, f"--remote={address.url}"], addresses=(address,))
    try:
        results = json.loads(text)["results"]
        return tuple(sorted(_read(results), key=lambda advice: advice.subject))
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(
            f"the Supabase CLI does not answer as version 3.1 does; update it: {INSTALL}"
        ) from None


def _read(results: Sequence[Mapping[str, Any]]) -> Iterator[Advice]:
    together: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for each in results:
        if each["name"] in TOGETHER:
            together[each["name"]].append(each)
        else:
            metadata = each.get("metadata") or {}
            name = f"{metadata['schema']}.{metadata['name']}" if {"schema", "name"} <= metadata.keys() else ""
            message, fix = f"{_heading(each)}: {each['detail']}", f"see {each['remediation']}"
            yield Advice(each["name"], str(each["cacheKey"]), name, str(metadata.get("type", "")), message, fix)
    for lint, members in together.items():
        named = sorted(_named(str(each["detail"])) for each in members)
        yield Advice(lint, lint, "", "", f"{_heading(members[0])}, {len(named)}: {', '.join(named)}", TOGETHER[lint])


def _named(detail: str) -> str:
    """The first name in backticks; all of the text where an advisor words it otherwise."""
    found = NAMED.search(detail)
    return found[1] if found else detail


def _heading(result: Mapping[str, Any]) -> str:
    return f"Supabase advisor, {result['title']} ({str(result['level']).lower()})"
