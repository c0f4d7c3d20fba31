"""Which of Postgres' own functions return null, and when. Pure.

Source: the manual's chapter "Functions and Operators". Not listed: what returns null of its own accord, such as
`to_char` for an infinite moment or an empty format, and `array_length`.
"""

from typing import Any

from pglast import ast

NEVER = frozenset(
    [
        "clock_timestamp",
        "concat",
        "count",
        "cume_dist",
        "current_database",
        "dense_rank",
        "gen_random_uuid",
        "json_build_array",
        "json_build_object",
        "jsonb_build_array",
        "jsonb_build_object",
        "now",
        "percent_rank",
        "pg_backend_pid",
        "rank",
        "row_number",
        "statement_timestamp",
        "timeofday",
        "transaction_timestamp",
        "txid_current",
        "uuidv4",
    ]
)
"""Functions that never return null, whatever their arguments; `count` among them."""
COLLECTING = frozenset({"array_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg"})
"""Aggregates that have a value as soon as there is one row, be it null."""
AGGREGATES = COLLECTING | frozenset({"avg", "bit_and", "bit_or", "bool_and", "bool_or", "every", "max", "min"})
SUMMING = AGGREGATES | frozenset({"stddev", "string_agg", "sum", "variance", "mode", "percentile_cont", "any_value"})
"""Aggregates that are null over no rows."""
SPREADING = frozenset({"stddev", "variance"})
"""Aggregates that are null over one row as well."""
OFFSET = frozenset({"lag", "lead", "nth_value"})
STRICT = frozenset(
    [
        "abs",
        "btrim",
        "ceil",
        "ceiling",
        "char_length",
        "character_length",
        "date_part",
        "date_trunc",
        "decode",
        "encode",
        "extract",
        "floor",
        "initcap",
        "json_array_length",
        "jsonb_array_length",
        "left",
        "length",
        "lower",
        "lpad",
        "ltrim",
        "md5",
        "mod",
        "ntile",
        "octet_length",
        "overlay",
        "position",
        "power",
        "random",
        "replace",
        "reverse",
        "right",
        "round",
        "rpad",
        "rtrim",
        "sha256",
        "split_part",
        "sqrt",
        "strpos",
        "substr",
        "substring",
        "timezone",
        "to_date",
        "to_json",
        "to_jsonb",
        "to_timestamp",
        "translate",
        "trunc",
        "upper",
        "uuidv7",
    ]
)
"""Functions that return null for a null argument and otherwise not, of a text where there are others of that name; as
far as `may_fail_to_find` does not say more.
"""
EVERLASTING = frozenset({"epoch", "year"})
"""Fields that an infinite moment has as well; the others are null there."""


def may_fail_to_find(call: Any) -> bool:
    """Whether a strict function may return null though no argument is: a pattern or a field that is not there."""
    name, arguments = str(call.funcname[-1].sval), list(call.args or ())
    if name == "substring":
        return not (len(arguments) > 1 and _constant(arguments[1], ast.Integer))
    if name in {"extract", "date_part"}:
        field = _constant(arguments[0], ast.String) if arguments else None
        return field is None or str(field.sval).lower() not in EVERLASTING
    return False


def _constant(node: Any, kind: type[Any]) -> Any:
    """The value of a constant of this kind; None for anything else."""
    return node.val if isinstance(node, ast.A_Const) and isinstance(node.val, kind) else None
