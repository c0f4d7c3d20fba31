"""docs/checks/: one page a chapter, one section a rule."""

from clarivum.checks.rule import Rule

TITLES = {
    "api": "API",
    "application": "Application",
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
    return (
        f"\n## {rule.name}\n\n`{rule.id}`, {rule.level.value}\n\n**Looks for.** {rule.looks_for}\n\n"
        f"**Why.** {rule.why}\n\n**Fix.** {rule.fix[:1].upper()}{rule.fix[1:].rstrip('.')}.\n\n"
        f"**Ask.** {rule.ask.value[:1].upper()}{rule.ask.value[1:]}.\n"
    )


def _rules() -> tuple[Rule, ...]:
    from clarivum.checks.registry import RULES  # noqa: PLC0415 -- the registry names the rule that compares these pages

    return RULES
