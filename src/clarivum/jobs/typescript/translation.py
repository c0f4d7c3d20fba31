"""One payload type as TypeScript: an interface, and a Zod schema with the same verdicts. Pure.

Read from Pydantic's core schema, which says what is really checked; JSON Schema leaves out half of it.
https://docs.pydantic.dev/latest/api/pydantic_core_schema/
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from inspect import getdoc
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from clarivum.jobs.payload import Payload
from clarivum.jobs.typescript.scalars import SCALARS, UntranslatableError, arguments

Node = Mapping[str, Any]
ADDRESSES: Mapping[Any, int] = {IPv4Address: 4, IPv6Address: 6}
STORABLE = Payload.__pydantic_decorators__.model_validators["_storable"].func
RESERVED = frozenset({
    "Array", "Date", "EnqueueOptions", "InvalidPayloadError", "JobName", "Json", "Message", "NodePostgresClient",
    "Payloads", "PostgresJsTransaction", "Prepared", "Record", "RegExp", "Sender", "Transaction", "Violation",
})  # fmt: skip
"""Names that the client's own sources have taken."""
INHERITED = {Payload.__doc__, BaseModel.__doc__}


class Code(NamedTuple):
    """A type as it is written in TypeScript, and the expression of its Zod schema."""

    type: str
    schema: str


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    code: Code
    is_optional: bool
    about: str


@dataclass(frozen=True, slots=True)
class Shape:
    """An object type: exported as interface `name` and schema `<name>Schema`."""

    name: str
    about: str
    fields: tuple[Field, ...]


@dataclass
class Translation:
    """The shapes of several payloads, in the order in which they were met; nested ones before those that hold them."""

    shapes: list[Shape] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What only the worker checks."""
    _names: dict[type, str] = field(default_factory=dict)
    _definitions: dict[str, Node] = field(default_factory=dict)

    def add(self, payload: type[BaseModel], job_name: str, key: str = "") -> str:
        """Translate a payload and return the name of its interface. Raises UntranslatableError with the field's path.

        `key`: a field that is required here, whatever its default in Python is.
        """
        self._job, self._key, self._root = job_name, key, payload
        self._definitions = {}
        return self.code(payload.__pydantic_core_schema__, "").type

    def code(self, node: Node, path: str) -> Code:
        kind = node["type"]
        if kind in SCALARS:
            return Code(*SCALARS[kind](node, path))
        if kind == "definitions":
            self._definitions |= {each["ref"]: each for each in node["definitions"]}
            return self.code(node["schema"], path)
        translate = getattr(self, f"_{kind.replace('-', '_')}", None)
        if translate is None:
            raise UntranslatableError(path, f"a value of the kind {kind!r} is not translated")
        if node.get("strict") is False and kind != "tagged-union":  # Pydantic's own default there, without a meaning
            raise UntranslatableError(path, "it is lax (strict=False): other forms than its own would be accepted")
        code: Code = translate(node, path)
        return code

    # -- what stands for something else ------------------------------------------------------------------------------
    def _definition_ref(self, node: Node, path: str) -> Code:
        target = self._definitions[node["schema_ref"]]
        while target["type"] == "function-after":
            target = target["schema"]
        known = self._names.get(target.get("cls"))  # type: ignore[arg-type]
        if known is not None:
            return Code(known, f"z.lazy(() => {known}Schema)")
        return self.code(self._definitions[node["schema_ref"]], path)

    def _lax_or_strict(self, node: Node, path: str) -> Code:
        return self.code(node["strict_schema"], path)

    def _json_or_python(self, node: Node, path: str) -> Code:
        return self.code(node["json_schema"], path)

    def _function_after(self, node: Node, path: str) -> Code:
        function = node["function"]["function"]
        if function in ADDRESSES:
            return Code("string", f"ip({ADDRESSES[function]})")
        if isinstance(function, type):
            raise UntranslatableError(path, f"a {function.__name__} is not translated")
        if function is not STORABLE:
            self._note(path, f"what {function.__qualname__} checks")
        return self.code(node["schema"], path)

    def _function_wrap(self, node: Node, path: str) -> Code:
        if node["schema"]["type"] != "url":
            raise UntranslatableError(path, "a validator that wraps others may accept what they refuse")
        self._note(path, "whether it is a URL of the wanted form")
        return Code("string", "text()")

    def _note(self, path: str, what: str) -> None:
        self.notes.append(f"{self._job} {path or '/'}: only the worker checks {what}")

    def _default(self, node: Node, path: str) -> Code:
        return self.code(node["schema"], path)

    # -- what is composed --------------------------------------------------------------------------------------------
    def _nullable(self, node: Node, path: str) -> Code:
        inner = self.code(node["schema"], path)
        return Code(f"{inner.type} | null", f"z.nullable({inner.schema})")

    def _union(self, node: Node, path: str) -> Code:
        choices = [choice[0] if isinstance(choice, tuple) else choice for choice in node["choices"]]
        kinds = {choice["type"] for choice in choices}
        if {"int", "float"} <= kinds:
            raise UntranslatableError(path, "a whole number and a float are one type in JavaScript: choose one")
        return _any_of([self.code(choice, path) for choice in choices])

    def _tagged_union(self, node: Node, path: str) -> Code:
        if not isinstance(node["discriminator"], str):
            raise UntranslatableError(path, "its discriminator is not the name of one member")
        inner = _any_of([self.code(choice, path) for choice in node["choices"].values()])
        return Code(inner.type, f"told<{inner.type}>({json.dumps(node['discriminator'])}, {inner.schema})")

    def _list(self, node: Node, path: str) -> Code:
        item = self.code(node.get("items_schema", {"type": "any"}), f"{path}/*")
        return Code(f"{_grouped(item.type)}[]", f"list({item.schema}{_sizes(node)})")

    def _set(self, node: Node, path: str) -> Code:
        if node.get("min_length") is not None or node.get("max_length") is not None:
            raise UntranslatableError(path, "the size of a set is counted without duplicates: use a list")
        return self._list(node, path)

    _frozenset = _set

    def _tuple(self, node: Node, path: str) -> Code:
        items, variadic = node["items_schema"], node.get("variadic_item_index")
        if variadic is not None and len(items) == 1:
            return self._list({**node, "items_schema": items[0]}, path)
        if variadic is not None:
            raise UntranslatableError(path, "a tuple of fixed and repeated items is not translated")
        codes = [self.code(item, f"{path}/{number}") for number, item in enumerate(items)]
        types, schemas = ", ".join(code.type for code in codes), ", ".join(code.schema for code in codes)
        return Code(f"[{types}]", f"z.tuple([{schemas}])")

    def _dict(self, node: Node, path: str) -> Code:
        name = node.get("keys_schema", {"type": "any"})
        if name["type"] != "str":
            raise UntranslatableError(path, "the names of a dict's members must be str")
        member = self.code(node.get("values_schema", {"type": "any"}), f"{path}/*")
        return Code(
            f"Record<string, {member.type}>",
            f"dictionary({self.code(name, path).schema}, {member.schema}{_sizes(node)})",
        )

    # -- objects -----------------------------------------------------------------------------------------------------
    def _model(self, node: Node, path: str) -> Code:
        cls = node["cls"]
        known = self._names.get(cls)
        if known is not None:
            return Code(known, f"{known}Schema")
        config = node.get("config", {})
        if node.get("root_model") or node["schema"]["type"] != "model-fields":
            raise UntranslatableError(path, f"{cls.__name__} is no plain object")
        if not config.get("strict") or config.get("extra_fields_behavior") != "forbid":
            raise UntranslatableError(path, f"{cls.__name__} is lax: derive it from Payload")
        name = self._names[cls] = self._free_name(cls)
        fields = tuple(
            self._field(cls, field_name, each, f"{path}/{field_name}")
            for field_name, each in node["schema"]["fields"].items()
        )
        about = getdoc(cls) if cls.__doc__ and cls.__doc__ not in INHERITED else ""
        self.shapes.append(Shape(name, about or "", fields))
        return Code(name, f"{name}Schema")

    def _field(self, cls: type[BaseModel], name: str, node: Node, path: str) -> Field:
        if node.get("validation_alias") or node.get("serialization_alias"):
            raise UntranslatableError(path, "its name in JSON is another one: what Python writes, it could not read")
        inner = node["schema"]
        code = self.code(inner, path)
        is_key = cls is self._root and name == self._key
        is_optional = inner["type"] == "default" and not (is_key and "default" not in inner)
        if is_optional:
            code = Code(code.type, f"{code.schema}{_default_of(inner)}")
        return Field(name, code, is_optional, cls.model_fields[name].description or "")

    def _free_name(self, cls: type) -> str:
        taken = {*RESERVED, *self._names.values()}
        if cls.__name__ not in taken:
            return cls.__name__
        owner = "".join(part.capitalize() for part in self._job.replace(".", "_").split("_"))
        number = 1
        while (name := f"{owner}{cls.__name__}{number if number > 1 else ''}") in taken:
            number += 1
        return name


def _any_of(codes: list[Code]) -> Code:
    types = list(dict.fromkeys(code.type for code in codes))
    if len(codes) == 1:
        return codes[0]
    return Code(" | ".join(types), f"z.union([{', '.join(code.schema for code in codes)}])")


def _grouped(written: str) -> str:
    return f"({written})" if " | " in written else written


def _sizes(node: Node) -> str:
    given = arguments({"min": node.get("min_length"), "max": node.get("max_length")})
    return given and f", {given}"


def _default_of(node: Node) -> str:
    if "default" not in node:
        return ".optional()"
    value = node["default"].value if isinstance(node["default"], Enum) else node["default"]
    written = json.dumps(to_jsonable_python(value, timedelta_mode="iso8601"), ensure_ascii=True)
    return f".default(() => ({written}))" if written[0] in "[{" else f".default({written})"
