"""docs/errors.md: every code of the registry, with what to do about it."""

from collections.abc import Iterable

from clarivum.checks.pages.text import wrapped
from clarivum.errors import REGISTRY, Code, Exit

INTRODUCTION = """# Errors

Every failure has a code that is never reused. A problem document (RFC 9457) carries it as `code`, and its `type` leads
to the code's heading below; the command line ends with the exit code beside it.

| exit code | means |
|---|---|
"""
EXITS = {
    Exit.OK: "done",
    Exit.FINDINGS: "findings, or a failure without a better code",
    Exit.USAGE: "the command was not understood",
    Exit.CONFIGURATION: "a setting or declaration cannot be used",
    Exit.REFUSED: "refused for safety",
    Exit.DEPENDENCY_DOWN: "a dependency does not answer",
}


def errors_page() -> str:
    """The page's Markdown."""
    exits = "".join(f"| {code.value} | {EXITS[code]} |\n" for code in Exit)
    of_requests = [code for code in REGISTRY.values() if code.exit is Exit.FINDINGS]
    of_operation = [code for code in REGISTRY.values() if code.exit is not Exit.FINDINGS]
    return (
        f"{INTRODUCTION}{exits}\n## Answers to requests\n{_sections(of_requests)}"
        f"\n## Set-up and operation\n{_sections(of_operation)}"
    )


def _sections(codes: Iterable[Code]) -> str:
    return "".join(_section(code) for code in sorted(codes, key=lambda code: (code.status, code.name)))


def _section(code: Code) -> str:
    number = f"HTTP {code.status}" if code.exit is Exit.FINDINGS else f"exit code {code.exit.value}"
    return f"\n### {code.name}\n\n{wrapped(f'{code.title} ({number}). {code.remedy}')}\n"
