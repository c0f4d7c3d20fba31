"""docs/checks/: one page a chapter, one section a rule."""

from clarivum.checks.pages.text import wrapped
from clarivum.checks.rule import Rule

TITLES = {
    "api": "API",
    "application": "Application",
    "auth": "Auth",
    "checks": "Checks",
    "database": "Database",
    "docs": "Docs",
    "jobs": "Jobs",
    "telemetry": "Telemetry",
}


def chapters() -> tuple[str, ...]:
    """The chapters that have rules."""
    return tuple(dict.fromkeys(rule.chapter for rule in _rules()))


def rules_page(chapter: str) -> str:
    """The page of one chapter."""
    rules = [rule for rule in _rules() if rule.chapter == chapter]
    listed = "".join(f"- [{rule.name}](#{rule.name})\n" for rule in rules)
    return (
        f"# Rules: {TITLES.get(chapter, chapter)}\n\nRun them with `./clarivum check {chapter}`; "
        f"[the guide](../guide/checks.md) says how findings read and how one is waived.\n\n{listed}"
        + "".join(map(_section, rules))
    )


def _section(rule: Rule) -> str:
    paragraphs = (
        f"`{rule.id}`, {rule.level.value}",
        f"**Looks for.** {rule.looks_for}",
        f"**Why.** {rule.why}",
        f"**Fix.** {_sentence(rule.fix)}",
        f"**Ask.** {_sentence(rule.ask.value)}",
    )
    return f"\n## {rule.name}\n" + "".join(f"\n{wrapped(paragraph)}\n" for paragraph in paragraphs)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _rules() -> tuple[Rule, ...]:
    from clarivum.checks.registry import RULES  # noqa: PLC0415 -- the registry names the rule that compares these pages

    return RULES
