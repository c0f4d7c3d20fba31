"""What a change of a JSON Schema means to those who send or read such values. Pure.

The rule is that of substitution: what is taken in must not become narrower, what is given out must not become wider. So
a new required member breaks a request, a member that may now be absent or null breaks an answer. Of answers only what a
reader relies on counts: types, members, listed values, formats; not that a text may be longer than before.

Reads the JSON Schema that Pydantic writes: `$ref` into `$defs` or `components`, `anyOf` for alternatives, `allOf` of
one part. Words: https://json-schema.org/draft/2020-12/json-schema-validation
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

Schema = Mapping[str, Any]
LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
TEXTS = ("pattern", "format", "multipleOf", "uniqueItems", "contentMediaType")
UNIONS = ("anyOf", "oneOf")
NAMED = "$named"
"""Where a followed reference is remembered; no word of JSON Schema."""


class Flow(Enum):
    """Which way values go, seen from the application."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `path` is a JSON pointer with `*` for the items of an array."""

    path: str
    what: str
    breaking: bool


def differences(old: Schema, new: Schema, flow: Flow, *, old_root: Schema, new_root: Schema) -> tuple[Difference, ...]:
    """All differences between two schemas; `$ref`s are looked up in the roots."""
    return tuple(dict.fromkeys(_Comparison(flow, old_root, new_root).compare(old, new, "")))


@dataclass
class _Comparison:
    flow: Flow
    old_root: Schema
    new_root: Schema

    def __post_init__(self) -> None:
        self._within: frozenset[tuple[str, str]] = frozenset()

    def compare(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        old, new = resolved(old, self.old_root), resolved(new, self.new_root)
        before, after = alternatives(old, self.old_root), alternatives(new, self.new_root)
        if len(before) == len(after) == 1:
            yield from self._same_kind(before[0], after[0], path)
        else:
            yield from self._unions(before, after, path)

    def _unions(self, before: list[Schema], after: list[Schema], path: str) -> Iterator[Difference]:
        """Alternatives of one kind are compared with each other; the others came or went."""
        left = list(after)
        for old in before:
            alike = [new for new in left if _kind(new) == _kind(old)]
            match = next((new for new in alike if new.get(NAMED) == old.get(NAMED)), alike[0] if alike else None)
            if match is None:
                yield self._difference(path, f"is no longer {_kind(old)}", self.flow is Flow.IN)
            else:
                left.remove(match)
                yield from self._same_kind(old, match, path)
        for new in left:
            yield self._difference(path, f"may now be {_kind(new)}", self.flow is Flow.OUT)

    def _same_kind(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        if _kind(old) != _kind(new):
            widened = (_kind(old), _kind(new)) == ("integer", "number")
            narrowed = (_kind(old), _kind(new)) == ("number", "integer")
            fine = (widened and self.flow is Flow.IN) or (narrowed and self.flow is Flow.OUT)
            yield self._difference(path, f"was {_kind(old)}, is {_kind(new)}", not fine)
            return
        names = (str(old.get(NAMED, "")), str(new.get(NAMED, "")))
        if names in self._within:
            return  # a type that holds itself: its members are compared further up
        within = self._within
        self._within = within | {names} if all(names) else within
        yield from self._parts(old, new, path)
        self._within = within

    def _parts(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        yield from self._values(old, new, path)
        yield from self._bounds(old, new, path)
        yield from self._members(old, new, path)
        if isinstance(old.get("items"), Mapping) and isinstance(new.get("items"), Mapping):
            yield from self.compare(old["items"], new["items"], f"{path}/*")
        extra = [each.get("additionalProperties") for each in (old, new)]
        if isinstance(extra[0], Mapping) and isinstance(extra[1], Mapping):
            yield from self.compare(extra[0], extra[1], f"{path}/*")
        elif extra[0] != extra[1] and False in extra:
            closed = extra[1] is False
            what = "takes no unknown members any more" if closed else "takes unknown members"
            yield self._difference(path, what, closed and self.flow is Flow.IN)

    def _values(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        before, after = _listed(old), _listed(new)
        if before is None and after is None:
            return
        if before is None or after is None:
            narrower = before is None
            what = f"is now one of {', '.join(after or ())}" if narrower else "is no longer a listed value"
            yield self._difference(path, what, narrower == (self.flow is Flow.IN))
            return
        gone, come = [each for each in before if each not in after], [each for each in after if each not in before]
        if gone:
            yield self._difference(path, f"is no longer {' or '.join(gone)}", self.flow is Flow.IN)
        if come:
            yield self._difference(path, f"may now be {' or '.join(come)}", self.flow is Flow.OUT)

    def _bounds(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        for name in (*LOWER_BOUNDS, *UPPER_BOUNDS):
            before, after = old.get(name), new.get(name)
            if before != after:
                tighter = before is None or (
                    after is not None and (after > before if name in LOWER_BOUNDS else after < before)
                )
                yield self._difference(path, _turned(name, before, after), tighter and self.flow is Flow.IN)
        for name in TEXTS:
            before, after = old.get(name), new.get(name)
            if before != after:
                relied = name == "format" and before is not None
                breaks = after is not None if self.flow is Flow.IN else relied
                yield self._difference(path, _turned(name, before, after), breaks)
        if old.get("default") != new.get("default") and self.flow is Flow.IN:
            yield self._difference(path, _turned("default", old.get("default"), new.get("default")), False)

    def _members(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        before, after = old.get("properties") or {}, new.get("properties") or {}
        needed_before, needed = set(old.get("required") or ()), set(new.get("required") or ())
        for name in before:
            here = f"{path}/{name}"
            if name not in after:
                yield self._difference(here, "removed", True)
                continue
            yield from self.compare(before[name], after[name], here)
            if name in needed - needed_before:
                yield self._difference(here, "is now required", self.flow is Flow.IN)
            elif name in needed_before - needed:
                yield self._difference(here, "may now be absent", self.flow is Flow.OUT)
        for name in after:
            if name not in before:
                required = name in needed and self.flow is Flow.IN
                yield self._difference(f"{path}/{name}", "new, required" if required else "new", required)

    def _difference(self, path: str, what: str, breaking: bool) -> Difference:
        return Difference(path or "/", what, breaking)


def resolved(schema: Schema, root: Schema) -> Schema:
    """A schema with `$ref` and an `allOf` of one followed; what stands beside the reference is kept."""
    for _ in range(20):
        if "$ref" in schema:
            target: Any = root
            for step in str(schema["$ref"]).removeprefix("#/").split("/"):
                target = target.get(step, {}) if isinstance(target, Mapping) else {}
            named = {NAMED: schema["$ref"]}
            schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}, **named}
        elif len(schema.get("allOf") or ()) == 1:
            schema = {**schema["allOf"][0], **{key: value for key, value in schema.items() if key != "allOf"}}
        else:
            break
    return schema


def alternatives(schema: Schema, root: Schema) -> list[Schema]:
    """The schemas one of which a value fits; a list of types counts as one alternative each."""
    for union in UNIONS:
        if union in schema:
            # A default stands beside the alternatives and belongs to none of them.
            shared = {key: schema[key] for key in ("default",) if key in schema}
            found = [each for option in schema[union] for each in alternatives(resolved(option, root), root)]
            return [{**each, **shared} for each in found]
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return [{**schema, "type": kind} for kind in kinds]
    return [schema]


def _kind(schema: Schema) -> str:
    """`string`, `object`, …; objects of a union are told apart by their titles."""
    if "type" in schema:
        return str(schema["type"])
    listed = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    kinds = {names.get(type(each), "object") for each in listed}
    return kinds.pop() if len(kinds) == 1 else "anything"


def _listed(schema: Schema) -> list[str] | None:
    """The values that are listed, as JSON; None when any value of the type does."""
    if "const" in schema:
        return [json.dumps(schema["const"])]
    return [json.dumps(each) for each in schema["enum"]] if schema.get("enum") else None


def _turned(name: str, before: Any, after: Any) -> str:
    if before is None:
        return f"{name} {json.dumps(after)}"
    return f"no {name} any more" if after is None else f"{name} {json.dumps(before)} → {json.dumps(after)}"
