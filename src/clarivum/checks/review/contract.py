"""What changed between two OpenAPI documents of one application, and what of it breaks a caller. Pure.

Problem answers are one format for all routes and are not compared; a route's declared limits (rate) are no part of its
contract and are told without being called breaking.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clarivum.checks.review.json_schema import Flow, differences

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class ContractChange:
    """One change of one route. `where`: route, query, path, header, body, answer 200, access, …"""

    route: str
    where: str
    what: str
    breaking: bool


def contract_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[ContractChange, ...]:
    """Every change, in the order of the paths. A route that moved is one removed and one new; the name of a path's
    parameter is nobody's business.
    """
    before, after = _operations(old), _operations(new)
    found: list[ContractChange] = []
    for key in sorted({*before, *after}):
        if key not in after:
            found.append(ContractChange(before[key][0], "route", "removed", True))
        elif key not in before:
            found.append(ContractChange(after[key][0], "route", "new", False))
        else:
            found += _Route(after[key][0], old, new).changes(before[key][1], after[key][1])
    return tuple(dict.fromkeys(found))


def _operations(document: Mapping[str, Any]) -> dict[tuple[str, str], tuple[str, Mapping[str, Any]]]:
    """By path without the names of its parameters, and method: the route as it is called, and the operation."""
    paths: Mapping[str, Any] = document.get("paths") or {}
    found: dict[tuple[str, str], tuple[str, Mapping[str, Any]]] = {}
    for path, item in paths.items():
        names = PARAMETER.findall(path)
        for method in METHODS:
            if isinstance(item, Mapping) and method in item:
                operation = {**item[method], "parameters": _placed(item[method], names)}
                found[PARAMETER.sub("{}", path), method] = (f"{method.upper()} {path}", operation)
    return found


def _placed(operation: Mapping[str, Any], names: Sequence[str]) -> list[Mapping[str, Any]]:
    """The parameters, those of the path called by their place in it."""
    return [
        {**each, "name": f"parameter {names.index(each['name']) + 1}"}
        if each.get("in") == "path" and each.get("name") in names
        else each
        for each in operation.get("parameters") or ()
    ]


@dataclass(frozen=True)
class _Route:
    route: str
    old_root: Mapping[str, Any]
    new_root: Mapping[str, Any]

    def changes(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[ContractChange]:
        yield from self._access(old, new)
        yield from self._parameters(old, new)
        yield from self._body(old, new)
        yield from self._answers(old, new)
        if new.get("deprecated") and not old.get("deprecated"):
            yield self._change("route", "deprecated", False)

    def _access(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[ContractChange]:
        before, after = _roles(old), _roles(new)
        if before == after:
            return
        # None: nobody has to sign in. An empty set: whoever has signed in.
        narrower = after is not None and (before is None or (bool(after) and (not before or not before <= after)))
        yield self._change("access", f"{_callers(before)} → {_callers(after)}", narrower)

    def _parameters(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[ContractChange]:
        before, after = _parameters(old), _parameters(new)
        for key, parameter in before.items():
            where = f"{key[0]} {key[1]}"
            if key not in after:
                yield self._change(where, "removed", True)
                continue
            if after[key].get("required") and not parameter.get("required"):
                yield self._change(where, "is now required", True)
            elif parameter.get("required") and not after[key].get("required"):
                yield self._change(where, "is now optional", False)
            yield from self._schemas(where, parameter.get("schema"), after[key].get("schema"), Flow.IN)
        for key, parameter in after.items():
            if key not in before:
                required = bool(parameter.get("required"))
                yield self._change(f"{key[0]} {key[1]}", "new, required" if required else "new", required)

    def _body(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[ContractChange]:
        before, after = old.get("requestBody"), new.get("requestBody")
        if before is None or after is None:
            if after is not None:
                required = bool(after.get("required"))
                yield self._change("body", "new, required" if required else "new", required)
            elif before is not None:
                yield self._change("body", "removed", True)
            return
        if after.get("required") and not before.get("required"):
            yield self._change("body", "is now required", True)
        yield from self._content("body", before, after, Flow.IN)

    def _answers(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[ContractChange]:
        before, after = (_successes(operation) for operation in (old, new))
        for status in sorted({*before, *after}):
            where = f"answer {status}"
            if status not in after:
                yield self._change(where, "removed", True)
            elif status not in before:
                yield self._change(where, "new", False)
            else:
                yield from self._content(where, before[status], after[status], Flow.OUT)

    def _content(
        self, where: str, old: Mapping[str, Any], new: Mapping[str, Any], flow: Flow
    ) -> Iterator[ContractChange]:
        before, after = old.get("content") or {}, new.get("content") or {}
        for kind in before:
            if kind not in after:
                yield self._change(where, f"{kind} removed", True)
            else:
                yield from self._schemas(where, before[kind].get("schema"), after[kind].get("schema"), flow)
        for kind in after:
            if kind not in before:
                yield self._change(where, f"{kind} new", not before and flow is Flow.IN)

    def _schemas(
        self, where: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, flow: Flow
    ) -> Iterator[ContractChange]:
        found = differences(old or {}, new or {}, flow, old_root=self.old_root, new_root=self.new_root)
        for each in found:
            place = "" if each.path == "/" else f"{each.path} "
            yield self._change(where, f"{place}{each.what}", each.breaking)

    def _change(self, where: str, what: str, breaking: bool) -> ContractChange:
        return ContractChange(self.route, where, what, breaking)


def _parameters(operation: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    listed: Sequence[Mapping[str, Any]] = operation.get("parameters") or ()
    return {(str(each["in"]), str(each["name"])): each for each in listed if "name" in each}


def _successes(operation: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    answers: Mapping[str, Mapping[str, Any]] = operation.get("responses") or {}
    return {str(status): answer for status, answer in answers.items() if str(status).startswith("2")}


def _roles(operation: Mapping[str, Any]) -> frozenset[str] | None:
    required = operation.get("security")
    if not required:
        return None
    return frozenset(role for each in required for roles in each.values() for role in roles)


def _callers(roles: frozenset[str] | None) -> str:
    if roles is None:
        return "anyone"
    return " or ".join(sorted(roles)) if roles else "whoever is signed in"
