"""Routes, jobs and features as they stand in the source, whether or not Python would accept them.

A route without access or a job without a key stops the start-up, so there is no loaded application to ask: this module
reads the declarations from the syntax instead, all of them at once.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clarivum.checks.sources import Source, keyword, text

VERBS = ("get", "post", "patch", "put", "delete")
ROUTE_NAMES = {f"{module}.{verb}": verb.upper() for module in ("clarivum.api", "clarivum.api.route") for verb in VERBS}
JOB_NAMES = frozenset({"clarivum.jobs.job", "clarivum.jobs.declaration.job"})
FEATURE_NAMES = frozenset({"clarivum.application.Feature", "clarivum.application.feature.Feature"})


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declared handler, or one `Feature(…)`: the call that declares it and where it stands."""

    source: Source
    call: ast.Call
    handler: str
    """The function's name; of a feature its own."""
    subject: str
    """What a person calls it: `POST /api/v1/leads`, `enrich_lead`, `leads`."""

    @property
    def file(self) -> str:
        return self.source.shown

    @property
    def line(self) -> int:
        return self.call.lineno

    @property
    def key(self) -> tuple[str, str]:
        """Module and function, as the loaded handler names itself."""
        return self.source.module, self.handler


def routes(sources: Sequence[Source]) -> tuple[Declaration, ...]:
    """Every function under a verb of `clarivum.api`."""
    found = []
    for source, function, call in _decorated(sources):
        verb = ROUTE_NAMES.get(source.qualified(call.func))
        if verb:
            path = text(call.args[0] if call.args else keyword(call, "path")) or "?"
            found.append(Declaration(source, call, function.name, f"{verb} {path}"))
    return tuple(found)


def jobs(sources: Sequence[Source]) -> tuple[Declaration, ...]:
    """Every function under `@job`."""
    return tuple(
        Declaration(source, call, function.name, text(keyword(call, "name")) or function.name)
        for source, function, call in _decorated(sources)
        if source.qualified(call.func) in JOB_NAMES
    )


def features(sources: Sequence[Source]) -> tuple[Declaration, ...]:
    """Every `Feature(…)`."""
    found = []
    for source in sources:
        for call in source.calls(FEATURE_NAMES):
            name = text(call.args[0] if call.args else keyword(call, "name")) or "?"
            found.append(Declaration(source, call, name, name))
    return tuple(found)


def _decorated(
    sources: Sequence[Source],
) -> Iterator[tuple[Source, ast.FunctionDef | ast.AsyncFunctionDef, ast.Call]]:
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call):
                        yield source, node, decorator
