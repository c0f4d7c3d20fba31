"""Patterns of payloads, which Rust's regex crate searches with, as JavaScript with the flag `u`. Pure.

The meaning is kept, or the pattern is refused: `\\d` is every decimal digit of Unicode in Rust and ten of them in
JavaScript, `.` stops at one character there and at four here. https://docs.rs/regex/latest/regex/#syntax
"""

import re
from collections.abc import Iterator

WORD = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}"
SHORTHANDS = {"d": r"\p{Nd}", "D": r"\P{Nd}", "s": r"\p{White_Space}", "S": r"\P{White_Space}", "w": WORD}
CATEGORY = re.compile(
    r"[pP](?:\{(?P<name>L[ulmto]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cf]?)\}|(?P<letter>[LMNPSZ]))"
)
CODE_POINT = re.compile(r"x[0-9A-Fa-f]{2}|u\{[0-9A-Fa-f]{1,6}\}|u[0-9A-Fa-f]{4}")
SAME_ESCAPES = frozenset("ntrfv")
SYNTAX = frozenset("^$\\.*+?()[]{}|/")
PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
GROUP = re.compile(r"\(\?(?::|P?<(?P<name>[A-Za-z_][A-Za-z0-9_]*)>)")
REPEAT = re.compile(r"\{[0-9]{1,4}(?:,[0-9]{0,4})?\}")


class PatternError(ValueError):
    """The pattern means something that JavaScript cannot say."""


def javascript(pattern: str) -> str:
    """The source of the same regular expression for `new RegExp(source, "u")`. Raises PatternError."""
    return "".join(_parts(pattern))


def _parts(pattern: str) -> Iterator[str]:
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            written, at = _escape(pattern, at + 1, inside=False)
            yield written
        elif character == "[":
            written, at = _character_class(pattern, at)
            yield written
        elif pattern.startswith("(?", at):
            group = GROUP.match(pattern, at)
            if group is None:
                raise PatternError(f"{pattern[at : at + 4]!r}: flags are not translated")
            yield f"(?<{group['name']}>" if group["name"] else "(?:"
            at = group.end()
        elif character == "{":
            repeat = REPEAT.match(pattern, at)
            if repeat is None:
                raise PatternError("a repetition reads {2}, {2,} or {2,5}; a brace that stands for itself \\{")
            yield repeat[0]
            at = repeat.end()
        else:
            yield {".": r"[^\n]", "}": r"\}", "]": r"\]", "/": r"\/"}.get(character, character)
            at += 1


def _escape(pattern: str, at: int, *, inside: bool) -> tuple[str, int]:
    """What stands after a backslash at `at` - 1."""
    character = pattern[at : at + 1]
    if category := CATEGORY.match(pattern, at):
        return f"\\{character}{{{category['name'] or category['letter']}}}", category.end()
    if code_point := CODE_POINT.match(pattern, at):
        return f"\\{code_point[0]}", code_point.end()
    if character == "w" and not inside:
        return f"[{WORD}]", at + 1
    if character == "W" and not inside:
        return f"[^{WORD}]", at + 1
    if character in SHORTHANDS:
        return SHORTHANDS[character], at + 1
    if character in SAME_ESCAPES:
        return f"\\{character}", at + 1
    if character in SYNTAX or (character == "-" and inside):
        return f"\\{character}", at + 1
    if character and character in PUNCTUATION:
        return character, at + 1
    if character == "A" and not inside:
        return "^", at + 1
    if character == "z" and not inside:
        return "$", at + 1
    raise PatternError(f"\\{character} is not translated")


def _character_class(pattern: str, start: int) -> tuple[str, int]:
    at = start + 1
    written = ["["]
    if pattern[at : at + 1] == "^":
        written.append("^")
        at += 1
    if pattern[at : at + 1] == "]":  # the first one stands for itself in Rust
        written.append(r"\]")
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        if pattern[at] == "\\":
            part, at = _escape(pattern, at + 1, inside=True)
            written.append(part)
        elif pattern[at] == "[" or pattern[at : at + 2] in {"&&", "--", "~~"}:
            raise PatternError("classes within classes are not translated")
        else:
            written.append(f"\\{pattern[at]}" if pattern[at] in SYNTAX else pattern[at])
            at += 1
    return "".join(written) + "]", at + 1
