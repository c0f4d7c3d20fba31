"""What must never leave the process: addresses, tokens, passwords, row values. Replaced by stars, everywhere.

`scrub` works on text and over-matches rather than under-matches; `scrub_value` walks what a log field may hold. Sources
of the shapes: RFC 5322 atoms for addresses, RFC 7519 and 7516 for tokens, RFC 6750 for bearer credentials, Postgres'
`errdetail` texts for row values.
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence, Set
from functools import lru_cache
from typing import NamedTuple

STARS = "***"
MAX_TEXT_CHARACTERS = 8_192
MAX_DEPTH = 6
MAX_ITEMS = 200
INTEGER_LIMIT = 1 << 63
# The longest thing recognised by its end as well as its start; text is cut only after scrubbing this much more of it.
_OVERLAP_CHARACTERS = 1_024

_SECRETIVE = (
    "password|passwd|passphrase|pwd|secret|token|authorization|authentication|cookie|credential|"
    "api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|session[-_ ]?id|signature"
)
_SECRET_KEY = re.compile(rf"(?:{_SECRETIVE})s?(?![a-z])|^auth$|^jwt$|^apikey$", re.IGNORECASE)
_HARMLESS_KEY = re.compile(r"token_(?:type|count|age_s|kind)|tokens_\w+", re.IGNORECASE)
_SECRETIVE_FRAGMENTS = ("pass", "pwd", "secret", "token", "auth", "cookie", "credential", "key", "session", "signature")


class _Rule(NamedTuple):
    """Replace `pattern`, tried only where the text in lower case holds one of `fragments`: that is 20 times cheaper."""

    fragments: tuple[str, ...]
    pattern: re.Pattern[str]
    replacement: str | Callable[[re.Match[str]], str]


def _basic(match: re.Match[str]) -> str:
    """Stars for `Basic` credentials, which are base64 of `name:password`; the word in a sentence stays."""
    encoded = match[2].replace("-", "+").replace("_", "/")
    try:
        credentials = b":" in base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        credentials = False
    return f"{match[1]} {STARS}" if credentials else match[0]


_TOKENS = (
    # JSON Web Tokens, signed (three parts) or encrypted (five): base64url of `{"`, `{ `, `{\n`, `{\r` or `{\t`.
    _Rule(
        ("eyj", "eya", "ewo", "ew0", "ewk"),
        re.compile(r"e(?:yJ|yA|wo|w0|wk)[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){1,4}"),
        STARS,
    ),
    _Rule(("bearer", "dpop"), re.compile(r"\b(Bearer|DPoP)\b[ \t:=]+[^\s\"',;]+", re.IGNORECASE), rf"\1 {STARS}"),
    _Rule(("basic",), re.compile(r"\b(Basic)[ \t]+([A-Za-z0-9+/_-]{4,})={0,2}", re.IGNORECASE), _basic),
)
_REST = (
    # Postgres: values end at the last parenthesis of the text, because a value may contain `) already exists`.
    _Rule(("key (",), re.compile(r"([Kk]ey \(.{1,500}?\)=)\((?:.*\)|.*)", re.DOTALL), rf"\1({STARS})"),
    _Rule(("failing row",), re.compile(r"(Failing row contains )\((?:.*\)|.*)", re.DOTALL), rf"\1({STARS})"),
    _Rule(("invalid input",), re.compile(r"(invalid input [^:\n]{1,80}: )\".*\"", re.DOTALL), rf'\1"{STARS}"'),
    _Rule(("out of range",), re.compile(r"(out of range: )\".*\"", re.DOTALL), rf'\1"{STARS}"'),
    _Rule(("out of range",), re.compile(r"(value )\".*\"( is out of range)", re.DOTALL), rf'\1"{STARS}"\2'),
    _Rule(("$",), re.compile(r"(\$\d{1,5} = )'(?:[^']|'')*'?"), rf"\1'{STARS}'"),
    _Rule(("copy ",), re.compile(r"(COPY [^:\n]{1,200}: )\".*\"", re.DOTALL), rf'\1"{STARS}"'),
    # The password of a URL, to the last @ before a blank: passwords are not always percent-encoded.
    _Rule(("://",), re.compile(r"(://[^:/@\s]{0,256}):\S{1,512}@"), rf"\1:{STARS}@"),
    # A header line is secret to its end, any other `key=value` to the end of the value.
    _Rule(
        ("authorization", "cookie"),
        re.compile(
            r"((?:authorization|cookie)s?[\"']?[ \t]{0,4}[:=][ \t]{0,4})(?:\"[^\"\n]*\"|'[^'\n]*'|[^\n]+)",
            re.IGNORECASE,
        ),
        rf"\1{STARS}",
    ),
    _Rule(
        _SECRETIVE_FRAGMENTS,
        re.compile(
            rf"((?:{_SECRETIVE})[\w-]{{0,40}}[\"']?[ \t]{{0,4}}[:=][ \t]{{0,4}})"
            r"(?:\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|[^\s,;&\"')\]}]+)",
            re.IGNORECASE,
        ),
        rf"\1{STARS}",
    ),
    # RFC 5322 atoms, starting where such a run starts, so that a long text is read once.
    _Rule(
        ("@", "%40"),
        re.compile(
            r"(?:\"[^\"\n]{1,64}\"|(?<![\w.!#$%&'*+?^`~-])('?)(?!\*{3}@)[\w.!#$%&'*+?^`~-]+|[/={|}])(?:@|%40)"
            r"(?:\[[^\]\s]{1,64}\]|[\w-]{1,63}(?:\.[\w-]{1,63}){1,10})"
        ),
        rf"\1{STARS}",
    ),
)
# Every rule of _REST needs one of these characters.
_PUNCTUATION = re.compile(r"[@%=:(\"]")


def scrub(text: str) -> str:
    """The text with everything secret or personal replaced by stars, at most 8,192 characters of it."""
    cut = len(text) > MAX_TEXT_CHARACTERS
    if cut:
        text = text[: MAX_TEXT_CHARACTERS + _OVERLAP_CHARACTERS]
    lowered = text.lower()
    if _PUNCTUATION.search(text) is not None:
        text = _replace(_REST, text, lowered)
    text = _replace(_TOKENS, text, lowered)
    return text[:MAX_TEXT_CHARACTERS] + "…" if cut else text


def _replace(rules: tuple[_Rule, ...], text: str, lowered: str) -> str:
    for fragments, pattern, replacement in rules:
        for fragment in fragments:
            if fragment in lowered:
                text = pattern.sub(replacement, text)
                break
    return text


@lru_cache(maxsize=2_048)
def is_secret_key(key: str) -> bool:
    """Whether a field of this name is hidden whatever it holds: passwords, tokens, cookies, authorization."""
    return _SECRET_KEY.search(key) is not None and _HARMLESS_KEY.fullmatch(key) is None


def scrub_value(value: object, depth: int = 0) -> object:
    """A copy fit for JSON: str, int, float, bool, None, dict and list only, scrubbed at every level, 6 levels deep."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return scrub(value)
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return _scrub_mapping(value, depth)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Sequence | Set):
        items = [scrub_value(item, depth + 1) for _, item in zip(range(MAX_ITEMS), value, strict=False)]
        return items if len(value) <= MAX_ITEMS else [*items, "…"]
    return scrub(_text_of(value))


def scrub_attribute(name: str, value: object) -> str | int | float | bool:
    """A value as a span or metric may carry it under this name: scrubbed text, a 64-bit integer, a float or a bool."""
    if is_secret_key(name):
        return STARS
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int) and -INTEGER_LIMIT <= value < INTEGER_LIMIT:
        return value
    return scrub(_text_of(value))


def _scrub_mapping(value: Mapping[object, object], depth: int) -> dict[str, object]:
    scrubbed: dict[str, object] = {}
    for _, (key, item) in zip(range(MAX_ITEMS), value.items(), strict=False):
        name = str(key)
        scrubbed[scrub(name)] = STARS if item is not None and is_secret_key(name) else scrub_value(item, depth + 1)
    return scrubbed


def _text_of(value: object) -> str:
    try:
        return f"{value:x}" if isinstance(value, int) else str(value)
    except Exception:  # a broken __str__ must not break the log line
        return f"<{type(value).__name__}>"
