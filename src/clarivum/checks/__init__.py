"""The guide's rules, held against an application: what each looks for, why, how to fix it, whom to ask.

`clarivum.checks.registry` names all rules; `./clarivum check` runs them; docs/guide/checks.md tells how to add one.
"""

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Finding, Level, Problem
from clarivum.checks.rule import Ask, Rule
from clarivum.checks.runner import Report, choose, run

__all__ = ["Ask", "Facts", "Finding", "Level", "Problem", "Report", "Rule", "choose", "run"]
