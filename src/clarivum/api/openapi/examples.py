"""A plausible value for a JSON Schema: the same one every time, so that the document can be compared."""

from typing import Any, Protocol

FORMATS = {
    "email": "someone@example.org",
    "uuid": "3f1c9a52-7d7e-4b0a-9c55-0d7c2f6f1a10",
    "date-time": "2026-11-23T09:30:00Z",
    "date": "2026-11-23",
    "uri": "https://example.org/",
}


class Definitions(Protocol):
    """Where references lead."""

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema that a `$ref` stands for; any other one as it is."""
        ...


def example_of(schema: dict[str, Any], schemas: Definitions, name: str = "") -> Any:
    """A value that fits `schema`, taken from its own examples where it has some. Optional members that may be null are
    left out.
    """
    schema = schemas.resolve(schema)
    for own in ("const", "example"):
        if own in schema:
            return schema[own]
    for own in ("examples", "enum"):
        if schema.get(own):
            return schema[own][0]
    if schema.get("default") is not None:
        return schema["default"]
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            options = [option for option in schema[union] if option.get("type") != "null"]
            return example_of(options[0], schemas, name) if options else None
    return _of_type(schema, schemas, name)


def _of_type(schema: dict[str, Any], schemas: Definitions, name: str) -> Any:
    match schema.get("type"):
        case "object":
            return _object(schema, schemas)
        case "array":
            return [example_of(schema["items"], schemas, name)] if "items" in schema else []
        case "integer":
            return int(schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1))
        case "number":
            return float(schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1))
        case "boolean":
            return True
        case "null":
            return None
    return _text(schema, name)


def _object(schema: dict[str, Any], schemas: Definitions) -> dict[str, Any]:
    required = set(schema.get("required", ()))
    value = {}
    for name, member in schema.get("properties", {}).items():
        if name in required or not _nullable(member):
            value[name] = example_of(member, schemas, name)
    return value


def _nullable(schema: dict[str, Any]) -> bool:
    return any(option.get("type") == "null" for option in schema.get("anyOf", ()))


def _text(schema: dict[str, Any], name: str) -> str:
    text = FORMATS.get(schema.get("format", "")) or name.replace("_", " ") or "text"
    text = text.ljust(schema.get("minLength", 0), "x")
    return text[: schema.get("maxLength", len(text))]
