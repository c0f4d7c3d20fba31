"""What a row class takes: its fields, the columns they are read from, and the values they accept."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import AliasChoices, AliasPath, BaseModel, RootModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUndefinedAnnotation, PydanticUserError
from pydantic.functional_validators import BeforeValidator, PlainValidator, WrapValidator

Schema = Mapping[str, Any]
FORMATS = frozenset(
    {"uuid", "date-time", "date", "time", "duration", "binary"}
    | {f"{family}{kind}" for family in ("ipv4", "ipv6") for kind in ("", "interface", "network")}
    | {f"ipvany{kind}" for kind in ("address", "interface", "network")}
)
"""Formats that stand for a Python type of their own; others, such as `email`, are texts."""
NOT_THE_TYPE = frozenset({"is_instance_of", "int_from_float", "date_from_datetime_inexact", "ip_any_address"})
MISPLACED_TIME = frozenset({"timezone_aware", "timezone_naive"})
REMAKING = ("before", "wrap", "plain")
"""Validators that see a value before its type is checked, and may make another of it."""

SEEING = BeforeValidator | WrapValidator | PlainValidator


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `keys` are the columns it may be read from; `schema` is None when it has none in JSON's terms."""

    name: str
    keys: tuple[str, ...]
    required: bool
    schema: Schema | None
    remade: bool
    """Whether a validator of the application sees the value first, so that types tell nothing."""


class UnreadableRowError(Exception):
    """Why the fields of a row class cannot be told; it may work all the same."""


class RowClass:
    """Reads a row class. Raises UnreadableRowError."""

    def __init__(self, row: type) -> None:
        self.name = row.__name__
        self._row = row
        self._adapter: TypeAdapter[Any] = TypeAdapter(row)
        self.definitions: Schema = {}
        if not issubclass(row, BaseModel):
            self.forbids_extra, self.fields = False, tuple(self._of_schema())
            return
        if issubclass(row, RootModel):
            raise UnreadableRowError("it is a RootModel, whose one value takes any row")
        decorators = row.__pydantic_decorators__
        if any(each.info.mode in REMAKING for each in decorators.model_validators.values()):
            raise UnreadableRowError("a validator of its own sees the row before its fields do")
        self.forbids_extra = row.model_config.get("extra") == "forbid"
        self.fields = tuple(self._of_model(row))

    def field(self, column: str) -> Field | None:
        """The field that a column goes to."""
        return next((field for field in self.fields if column in field.keys), None)

    def complaints(self, column: str, value: object) -> frozenset[str]:
        """What Pydantic says of the type of one value in place of a column, as its error codes; empty when it fits."""
        try:
            self._adapter.validate_python({column: value})
        except ValidationError as error:
            said = {str(each["type"]) for each in error.errors() if each["loc"][:1] == (column,)}
            return frozenset(code for code in said if code.endswith("_type") or code in NOT_THE_TYPE | MISPLACED_TIME)
        return frozenset()

    def _of_model(self, row: type[BaseModel]) -> Iterator[Field]:
        properties = self._properties(row)
        remade = {
            name
            for each in row.__pydantic_decorators__.field_validators.values()
            if each.info.mode in REMAKING
            for name in each.info.fields
        }
        for name, info in row.model_fields.items():
            schema = properties.get(name) if properties is not None else self._alone(info.annotation)
            by_validator = any(isinstance(each, SEEING) for each in info.metadata)
            yield Field(
                name,
                tuple(dict.fromkeys(_keys(name, info.validation_alias, row.model_config))),
                info.is_required(),
                schema,
                by_validator or name in remade or "*" in remade,
            )

    def _properties(self, row: type[BaseModel]) -> Mapping[str, Schema] | None:
        try:
            schema = row.model_json_schema(by_alias=False)
        except (PydanticInvalidForJsonSchema, PydanticUserError):
            return None
        self.definitions = schema.get("$defs", {})
        if "$ref" in schema:  # a class that refers to itself
            schema = self.definitions[schema["$ref"].rpartition("/")[2]]
        return dict(schema.get("properties", {}))

    def _alone(self, annotation: Any) -> Schema | None:
        """The schema of one field when that of the whole class cannot be made."""
        try:
            schema = TypeAdapter(annotation).json_schema()
        except (PydanticInvalidForJsonSchema, PydanticUserError, PydanticUndefinedAnnotation):
            return None
        self.definitions = {**self.definitions, **schema.get("$defs", {})}
        return schema

    def _of_schema(self) -> Iterator[Field]:
        """The fields of a dataclass or TypedDict."""
        try:
            schema = self._adapter.json_schema()
        except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
            raise UnreadableRowError(str(error).partition("\n")[0]) from None
        self.definitions = schema.get("$defs", {})
        if "properties" not in schema:
            raise UnreadableRowError("its schema names no fields")
        for name, each in schema["properties"].items():
            yield Field(name, (name,), name in schema.get("required", ()), each, remade=False)


def _keys(name: str, alias: Any, config: Mapping[str, Any]) -> Iterator[str]:
    by_alias = config.get("validate_by_alias", True)
    if alias is None or not by_alias or config.get("populate_by_name") or config.get("validate_by_name"):
        yield name
    if by_alias:
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
        for choice in choices:
            first = choice.path[0] if isinstance(choice, AliasPath) else choice
            if isinstance(first, str):
                yield first


def options(field: Schema, definitions: Schema) -> Iterator[Schema]:
    """The alternatives of a schema, references and unions resolved."""
    if "$ref" in field:
        yield from options(definitions[field["$ref"].rpartition("/")[2]], definitions)
    elif "anyOf" in field or "oneOf" in field:
        for option in field.get("anyOf") or field["oneOf"]:
            yield from options(option, definitions)
    elif "allOf" in field and len(field["allOf"]) == 1:
        yield from options(field["allOf"][0], definitions)
    else:
        yield field


def accepted(field: Schema, definitions: Schema) -> frozenset[str]:
    """What a field takes: JSON types, `string` with its format after a colon where that is another Python type."""
    found: set[str] = set()
    for option in options(field, definitions):
        if "const" in option or "enum" in option:
            kinds = {str: "string", bool: "boolean", int: "integer", type(None): "null"}
            found |= {kinds.get(type(value), "any") for value in option.get("enum", [option.get("const")])}
        elif "type" in option:
            form = option.get("format", "")
            found.add(f"string:{form}" if option["type"] == "string" and form in FORMATS else str(option["type"]))
        else:
            found.add("any")
    return frozenset(found)


def only_values(field: Schema, definitions: Schema) -> frozenset[str] | None:
    """The texts that a field takes, when it takes no others: those of a Literal or an Enum."""
    found: set[str] = set()
    for option in options(field, definitions):
        if "const" in option or "enum" in option:
            found |= {value for value in option.get("enum", [option.get("const")]) if isinstance(value, str)}
        elif option.get("type") != "null":
            return None
    return frozenset(found)
