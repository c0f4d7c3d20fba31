"""Values for payloads: such as their JSON Schema asks for, and such with something changed."""

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

UUID_TEXT = "12345678-1234-4234-8234-1234567890Ab"
UUIDS = [
    UUID_TEXT, UUID_TEXT.replace("-", ""), f"{{{UUID_TEXT}}}", f"urn:uuid:{UUID_TEXT}", f"{{{UUID_TEXT}",
    f"URN:UUID:{UUID_TEXT}", f"urn:uuid:{UUID_TEXT.replace('-', '')}", f" {UUID_TEXT}", f"{UUID_TEXT}\n",
    "1234567812341234-1234-1234567890ab", "12345678-1234-1234-1234-12345678901",
    "00000000-0000-0000-0000-000000000000", f"{{{UUID_TEXT.replace('-', '')}}}",
    "12345678-1234-7234-0234-1234567890ab",
]  # fmt: skip
DAYS = [
    "2026-11-26", "2024-02-29", "2026-02-29", "1900-02-29", "2000-02-29", "0000-01-01", "0001-01-01", "9999-12-31",
    "2026-1-2", "2026-13-01", "2026-00-01", "2026-01-00", "2026-01-02 ", "2026-01-02T00:00:00", "20260102",
    "2026-04-31", "٢026-01-02", "+2026-01-02",
]  # fmt: skip
CLOCKS = [
    "03:04", "03:04:05", "03:04:05.1", "03:04:05,25", "03:04:05.123456789", "03:04:05.1234567891234",
    "23:59:59.999999", "24:00:00", "23:60:00", "03:04:60", "03:04:05.", "3:04", "03", "0304", "",
    "00:00:00.0000000",
]  # fmt: skip
OFFSETS = [
    "Z", "z", "+00:00", "-00:00", "+01:00", "-0130", "−05:30", "+23:59", "-23:59", "+24:00", "+01", "+01:60", " Z",
    "", " +01:00", "+1:00", "ZZ",
]  # fmt: skip
DURATIONS = [
    "P1D", "PT1S", "-PT1.5S", "+P2DT3H4M5.000006S", "PT36H", "P", "PT", "P1DT", "P1S", "p1d", "P1W", "P1Y2M",
    "1 day", "00:00:01", "1", "PT1H1H", "P1.5D", "1d 00:00:01",
]  # fmt: skip
NUMERIC = [
    "0", "-1", "+5", "1.5", "1700000000", "1700000000000", "1e5", "NaN", " 1.5 ", "1_0", "٣", ".5", "5.", "", "+",
    "1e", "-0", "1e-5", "1E+10", "0x10", "Infinity", "99999999999999999",
]  # fmt: skip
ADDRESSES = [
    "1.2.3.4", "01.2.3.4", "256.1.1.1", "1.2.3", "1.2.3.4/8", "::1", "::ffff:1.2.3.4", "1::2::3", "2001:DB8::",
    "fe80::1%eth0", "fe80::1%", "[::1]", ":::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "12345::", "::1.2.3",
    " ::1",
]  # fmt: skip
TEXTS = [
    "a", "", "ab-c1", "A", "Éa b", "red", "cat", "a\x00b", "\ud800", "\udc00\ud800", "😀😀😀😀😀", "😀" * 6, "é" * 6,
    " a ", "\u0085ab\u0085", "\x1cab", "\ufeffa", "\u3000ab", "ab\n", "12 x!", "٣٤a!", "12\u2028a\u2028", "İI", "ß",
    "word", "x" * 256, "__proto__",
]  # fmt: skip
NUMBERS = [
    0, -0.0, 1, -1, 3, 9, 10, -5, -6, 0.5, 1.5, 1.0, 0.3, 0.30000000000000004, 0.35, 2**53 - 1, -(2**53) + 1, 2**53,
    2**63, 1e20, 1e21, 1e300, 5e-324, 123456789.1,
]  # fmt: skip
OTHERS = [
    None, True, False, [], {}, [[]], {"__proto__": 1}, {"a": 1, "b": 2, "c": 3}, {"": 1}, {"a\x00": 1},
    {"kind": "cat"}, {"kind": "dog", "barks": False}, {"barks": True}, {"lives": 3}, {"kind": "cat", "lives": "3"},
    [1, "a"], [1, "a", 2], [1], {"name": "x", "parts": [{"name": "y"}]}, {"name": "x", "parts": [{"nome": "y"}]},
]  # fmt: skip
MOMENTS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(DAYS),
    st.sampled_from("TTTTt _x"),
    st.sampled_from(CLOCKS),
    st.sampled_from(OFFSETS),
)
CHARACTERS = st.text(max_size=7) | st.text("abc-1 é😀\x00\n", max_size=7)
ODD = (
    st.sampled_from([*UUIDS, *DAYS, *CLOCKS, *DURATIONS, *NUMERIC, *ADDRESSES, *TEXTS, *NUMBERS, *OTHERS])
    | MOMENTS
    | CHARACTERS
)
ANYTHING = st.recursive(
    ODD | st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CHARACTERS, inner, max_size=3),
    max_leaves=6,
)
FORMATS: Mapping[str, st.SearchStrategy[Any]] = {
    "uuid": st.uuids().map(str) | st.sampled_from(UUIDS),
    "uuid4": st.uuids(version=4).map(str) | st.sampled_from(UUIDS),
    "date": st.dates().map(str) | st.sampled_from(DAYS),
    "time": st.times().map(str) | st.sampled_from(CLOCKS),
    "date-time": st.datetimes().map(lambda moment: f"{moment.isoformat()}Z") | MOMENTS,
    "duration": st.sampled_from(DURATIONS),
    "ipv4": st.ip_addresses(v=4).map(str) | st.sampled_from(ADDRESSES),
    "ipv6": st.ip_addresses(v=6).map(str) | st.sampled_from(ADDRESSES),
}


def values(document: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values near a payload's JSON Schema: about half of them fit, and of the others a part or two does not."""
    return _near(document, document)


def _near(schema: Mapping[str, Any], document: Mapping[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    fitting = _fitting(schema, document, depth)
    return st.integers(0, 15).flatmap(lambda chosen: ANYTHING if chosen == 0 else fitting)


def _fitting(schema: Mapping[str, Any], document: Mapping[str, Any], depth: int) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        target = document["$defs"][schema["$ref"].rpartition("/")[2]]
        return st.none() if depth > 4 else st.deferred(lambda: _fitting(target, document, depth + 1))
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return st.one_of([_near(choice, document, depth) for choice in choices])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    kind = schema.get("type")
    if kind == "string":
        return st.sampled_from(TEXTS + NUMERIC) | CHARACTERS | st.text(min_size=1, max_size=5)
    if kind in {"integer", "number"}:
        return (
            st.integers(-12, 12) | st.sampled_from(NUMBERS) | st.integers().filter(lambda number: abs(number) < 2**70)
        )
    if kind == "boolean":
        return st.booleans()
    if kind == "null":
        return st.none()
    if kind == "array":
        if "prefixItems" in schema:
            return st.tuples(*(_near(each, document, depth) for each in schema["prefixItems"])).map(list)
        return st.lists(_near(schema.get("items", {}), document, depth), max_size=3)
    if kind == "object" and "properties" in schema:
        return _objects(schema, document, depth)
    if kind == "object":
        member = schema.get("additionalProperties")
        return st.dictionaries(
            CHARACTERS, ANYTHING if member is True or member is None else _near(member, document, depth), max_size=3
        )
    return ANYTHING


def _objects(schema: Mapping[str, Any], document: Mapping[str, Any], depth: int) -> st.SearchStrategy[Any]:
    members = {name: _near(each, document, depth) for name, each in schema["properties"].items()}
    required = {name: members[name] for name in schema.get("required", [])}
    optional = {name: each for name, each in members.items() if name not in required}
    whole = st.fixed_dictionaries(required, optional=optional)

    def changed(chosen: int) -> st.SearchStrategy[Any]:
        if chosen == 0 and required:
            return st.fixed_dictionaries({}, optional=members)
        if chosen == 1:
            return st.fixed_dictionaries({**required, "unknown": ODD}, optional=optional)
        return whole

    return st.integers(0, 11).flatmap(changed)


def at(value: Any, pointer: str) -> Any:
    """What stands at a JSON pointer; None where nothing does."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(name)] if isinstance(value, list) else value[name]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return value


def as_sent(value: Any) -> Any:
    """Lone surrogates may stand in Python's text but not in what is read back; JSON keeps them as escapes."""
    return json.loads(json.dumps(value))
