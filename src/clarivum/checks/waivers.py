"""Waivers: findings that somebody answers for, until a date. All of them stand in `waivers.toml` at the root.

[[waiver]]
rule = "database/query-without-index"
subject = "leads_export"
reason = "runs once a month on the replica; index plan in docs/adr/0041-lead-export.md"
owner = "growth"
expires = 2027-03-01
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from clarivum.errors import ConfigurationError

FILE = "waivers.toml"
KEYS = ("rule", "subject", "reason", "owner", "expires")
HEAD = re.compile(r"^\s*\[\[\s*waiver\s*\]\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver; `line` is that of its `[[waiver]]`. It holds to the end of the day it expires on."""

    rule: str
    subject: str
    reason: str
    owner: str
    expires: date
    line: int

    def covers(self, rule: str, subject: str, today: date) -> bool:
        return self.rule == rule and self.subject == subject and not self.is_expired(today)

    def is_expired(self, today: date) -> bool:
        return today > self.expires


def parse_waivers(text: str) -> tuple[Waiver, ...]:
    """Read waivers.toml's text. Raises ConfigurationError naming the line and what is wrong there."""
    try:
        entries = tomllib.loads(text).get("waiver", [])
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{FILE} is not TOML: {error}") from None
    lines = [
        text.count("\n", 0, head.start() + len(head[0]) - len(head[0].lstrip())) + 1 for head in HEAD.finditer(text)
    ]
    if not isinstance(entries, list) or len(entries) != len(lines):
        raise ConfigurationError(f"{FILE}: write each waiver as a table of its own, [[waiver]]")
    return tuple(_waiver(entry, line) for entry, line in zip(entries, lines, strict=True))


def _waiver(entry: Mapping[str, Any], line: int) -> Waiver:
    missing = [key for key in KEYS if not entry.get(key)]
    unknown = [key for key in entry if key not in KEYS]
    if missing or unknown:
        what = f"lacks {', '.join(missing)}" if missing else f"has no use for {', '.join(unknown)}"
        raise ConfigurationError(f"{FILE}:{line}: this waiver {what}")
    if type(entry["expires"]) is not date:
        raise ConfigurationError(f"{FILE}:{line}: expires must be a date such as 2027-03-01, without quotes")
    rule, subject, reason, owner = (str(entry[key]) for key in KEYS[:4])
    return Waiver(rule, subject, reason, owner, entry["expires"], line)
