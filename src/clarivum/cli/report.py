"""Findings as people and machines read them: text, JSON, SARIF 2.1.0, GitHub's workflow commands. Pure."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from hashlib import sha256
from typing import Any

from clarivum import __version__
from clarivum.checks import Finding, Level, Report, Rule
from clarivum.cli.terminal import BOLD, DIM, GREEN, RED, YELLOW, painter

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class FindingsFormat(StrEnum):
    """What `check --format` takes."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def render(report: Report, rules: Sequence[Rule], form: FindingsFormat, *, colour: bool = False) -> str:
    """The report in one of the formats, with a final line break. `rules` are those of the run; `colour` is for text."""
    if form is FindingsFormat.TEXT:
        return _text(report, colour=colour)
    renderers: dict[FindingsFormat, Callable[[], str]] = {
        FindingsFormat.JSON: lambda: _pretty(_json(report)),
        FindingsFormat.SARIF: lambda: _pretty(_sarif(report, rules)),
        FindingsFormat.GITHUB: lambda: _github(report),
    }
    return renderers[form]()


def summary(report: Report) -> str:
    """`1 finding in 23 rules, 41 queries, 9 tables (4.2 s)`."""
    counts = [(report.rules, "rule"), (report.queries, "query"), (report.tables, "table")]
    looked_at = [_count(number, noun) for number, noun in counts if number or noun == "rule"]
    waived = f", {report.waived} waived" if report.waived else ""
    return f"{_count(len(report.findings), 'finding')}{waived} in {', '.join(looked_at)} ({report.elapsed_s:.1f} s)"


# -- text --------------------------------------------------------------------------------------------------------------
def _text(report: Report, *, colour: bool) -> str:
    paint = painter(colour)
    lines: list[str] = []
    for finding in report.findings:
        mark = RED if finding.level is Level.ERROR else YELLOW
        warning = "  warning" if finding.level is Level.WARNING else ""
        place = paint(BOLD, f"{finding.file}:{finding.line}")
        lines.append(f"  {paint(mark, finding.rule)}   {place}  {finding.subject}{warning}")
        lines.append(f"    {_indented(finding.message)}")
        lines.append(f"    {paint(DIM, 'fix')}   {_indented(finding.fix, 10)}")
        lines.append(f"    {paint(DIM, 'ask')}   {finding.ask:<40} {paint(DIM, finding.docs)}")
    if report.skipped:
        lines.append(f"  {_count(len(report.skipped), 'rule')} could not look: the application does not load")
    if report.notes:
        lines.append(f"  {_count(len(report.notes), 'place')} could not be looked at:")
        lines.extend(f"    {_indented(note)}" for note in report.notes)
    done = paint(GREEN if not report.findings else RED, summary(report))
    return "\n".join([*lines, f"  {done}", ""])


def _indented(text: str, columns: int = 4) -> str:
    return text.replace("\n", "\n" + " " * columns)


def _count(number: int, noun: str) -> str:
    plural = noun if number == 1 else f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {plural}"


# -- for machines ------------------------------------------------------------------------------------------------------
def _json(report: Report) -> dict[str, Any]:
    return {
        "findings": [asdict(finding) for finding in report.findings],
        "rules": report.rules,
        "skipped": [rule.id for rule in report.skipped],
        "waived": report.waived,
        "queries": report.queries,
        "tables": report.tables,
        "elapsed_s": round(report.elapsed_s, 3),
        "notes": list(report.notes),
    }


def _sarif(report: Report, rules: Sequence[Rule]) -> dict[str, Any]:
    described = list(dict.fromkeys([*rules, *report.skipped]))
    index = {rule.id: number for number, rule in enumerate(described)}
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {"name": "clarivum", "version": __version__, "rules": list(map(_sarif_rule, described))}
                },
                "columnKind": "unicodeCodePoints",
                "results": [_sarif_result(finding, index) for finding in report.findings],
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": [
                            {"level": "note", "message": {"text": note}} for note in report.notes
                        ],
                    }
                ],
            }
        ],
    }


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.looks_for},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.fix}\nAsk {rule.ask.value}. {rule.docs}"},
        "defaultConfiguration": {"level": rule.level.value},
    }


def _sarif_result(finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    """The fingerprint leaves the line out, so that a finding stays the same one when lines above it change."""
    identity = "\0".join((finding.rule, finding.file, finding.subject, finding.message))
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "level": finding.level.value,
        "message": {"text": f"{finding.subject}: {finding.message}\nFix: {finding.fix}\nAsk: {finding.ask}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": finding.file, "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": max(1, finding.line)},
                }
            }
        ],
        "partialFingerprints": {"clarivum/v1": sha256(identity.encode()).hexdigest()[:32]},
    }
    if finding.rule in index:
        result["ruleIndex"] = index[finding.rule]
    return result


def _github(report: Report) -> str:
    notes = (f"::notice::not looked at: {_data(note)}" for note in report.notes)
    done = f"::notice::{_data(summary(report))}"
    return "".join(f"{line}\n" for line in (*map(_command, report.findings), *notes, done))


def _command(finding: Finding) -> str:
    text = f"{finding.subject}: {finding.message}\nfix: {finding.fix}\nask: {finding.ask}   {finding.docs}"
    properties = f"file={_property(finding.file)},line={finding.line},title={_property(finding.rule)}"
    return f"::{finding.level.value} {properties}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _pretty(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n"


def failing(findings: Sequence[Finding], fail_on: Level) -> Iterator[Finding]:
    """The findings that make the command end with 1."""
    return (finding for finding in findings if fail_on is Level.WARNING or finding.level is Level.ERROR)
