"""Run rules over facts: place, owner and advice are added to what they report, and what is waived is taken out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Finding, Problem
from clarivum.checks.registry import DECLARATION_REFUSED, RULES
from clarivum.checks.rule import Ask, Rule
from clarivum.clock import Clock
from clarivum.errors import UsageError
from clarivum.owners import Owner


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one run. `skipped` are rules that could not look, because the application does not load."""

    findings: tuple[Finding, ...]
    rules: int
    skipped: tuple[Rule, ...]
    waived: int
    queries: int
    tables: int
    elapsed_s: float
    notes: tuple[str, ...] = ()
    """What some rule could not look at, each with its place."""


def choose(names: Sequence[str]) -> tuple[Rule, ...]:
    """The rules of these chapters, or of these ids; all when there are none. Raises UsageError for an unknown name."""
    if not names:
        return RULES
    known = {rule.chapter for rule in RULES} | {rule.id for rule in RULES}
    unknown = [name for name in names if name not in known]
    if unknown:
        chapters = ", ".join(dict.fromkeys(rule.chapter for rule in RULES))
        raise UsageError(f"there is no chapter or rule {unknown[0]!r}; the chapters are {chapters}")
    return tuple(rule for rule in RULES if rule.chapter in names or rule.id in names)


def run(facts: Facts, rules: Sequence[Rule], clock: Clock) -> Report:
    """Let every rule look, in their order.

    Raises ConfigurationError when owners.toml or waivers.toml cannot be read, DependencyDownError when the scratch
    server does not start.
    """
    began = clock.monotonic()
    owners, waivers = facts.owners, facts.waivers
    chosen = list(rules)
    if any(rule.needs_application for rule in chosen) and DECLARATION_REFUSED not in chosen:
        chosen.insert(0, DECLARATION_REFUSED)
    findings: list[Finding] = []
    skipped: list[Rule] = []
    waived = 0
    facts.judged = frozenset(rule.id for rule in chosen)
    facts.rule_ids = frozenset(rule.id for rule in RULES)
    for rule in chosen:
        if rule.needs_application and facts.loading.application is None:
            skipped.append(rule)
            facts.not_judged(rule.id)
            continue
        for problem in rule.look(facts):
            waiver = next((each for each in waivers if each.covers(rule.id, problem.subject, facts.today)), None)
            if waiver is None:
                findings.append(_finding(rule, problem, facts, owners))
            else:
                facts.used_waivers.add(waiver)
                waived += 1
    return Report(
        findings=tuple(sorted(_without_doubles(findings))),
        rules=len(chosen) - len(skipped),
        skipped=tuple(skipped),
        waived=waived,
        queries=len(facts.queries) if facts.known("queries") else 0,
        tables=len(facts.catalog.tables) if facts.known("catalog") else 0,
        elapsed_s=clock.monotonic() - began,
        notes=tuple(facts.notes),
    )


def _finding(rule: Rule, problem: Problem, facts: Facts, owners: Mapping[str, Owner]) -> Finding:
    team = problem.team if problem.team in owners else facts.team_of(problem.file)
    owner = owners.get(team)
    if owner is None:
        ask = "nobody: owners.toml names no such team"
    elif rule.ask is Ask.DATA_CHAMPION:
        ask = owner.data_champion
    else:
        ask = f"{owner.person}, {owner.channel}"
    return Finding(
        file=problem.file,
        line=problem.line,
        rule=rule.id,
        subject=problem.subject,
        level=rule.level,
        message=problem.message,
        fix=problem.fix or rule.fix,
        owner=team,
        ask=ask,
        docs=rule.docs,
    )


def _without_doubles(findings: Sequence[Finding]) -> Iterator[Finding]:
    """A refused declaration that a rule of its own explains, at the same line, is told once."""
    explained = {(finding.file, finding.line) for finding in findings if finding.rule != DECLARATION_REFUSED.id}
    for finding in dict.fromkeys(findings):
        if finding.rule != DECLARATION_REFUSED.id or (finding.file, finding.line) not in explained:
            yield finding
