"""What must never leave the process: addresses, tokens, passwords, row values. Replaced by stars, everywhere.

`scrub` works on text and over-matches rather than under-matches; `scrub_value` walks what a log field may hold. Sources
of the shapes: RFC 5322 atoms for addresses, RFC 7519 and 7516 for tokens, RFC 6750 for bearer credentials, Postgres'
`errdetail` texts for row values.
"""

import re
from collections.abc import Callable, Mapping, Sequence, Set
from functools import lru_cache

STARS = "***"
MAX_TEXT_CHARACTERS = 16_384
MAX_DEPTH = 6
MAX_ITEMS = 200
# The longest thing recognised by its end as well as its start; text is cut only after scrubbing this much more of it.
_OVERLAP = 1_024

_SECRETIVE = (
    "password|passwd|passphrase|pwd|secret|token|authorization|authentication|cookie|credential|"
    "api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|session[-_ ]?id|signature"
)
_SECRET_KEY = re.compile(rf"(?:{_SECRETIVE})s?(?![a-z])|^auth$|^jwt$|^apikey$", re.IGNORECASE)
_HARMLESS_KEY = re.compile(r"token_(?:type|count|age_s|kind)|tokens_\w+", re.IGNORECASE)

# One cheap search tells most texts apart from those worth the whole list.
_SUSPICIOUS = re.compile(
    rf"@|%40|e(?:yJ|yA|wo|w0|wk)[A-Za-z0-9_-]|(?i:bearer|basic|dpop|{_SECRETIVE})|"
    r"ey \(|ailing row|nvalid input|ut of range|\$\d+ = |COPY \w|too long for"
)

_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

_RULES: tuple[_Rule, ...] = (
    # Postgres: values end at the last parenthesis of the text, because a value may contain `) already exists`.
    (re.compile(r"([Kk]ey \(.{1,500}?\)=)\((?:.*\)|.*)", re.DOTALL), rf"\1({STARS})"),
    (re.compile(r"(Failing row contains )\((?:.*\)|.*)", re.DOTALL), rf"\1({STARS})"),
    (re.compile(r"(invalid input [^:\n]{1,80}: )\".*\"", re.DOTALL), rf'\1"{STARS}"'),
    (re.compile(r"(out of range: )\".*\"", re.DOTALL), rf'\1"{STARS}"'),
    (re.compile(r"(value )\".*\"( is out of range)", re.DOTALL), rf'\1"{STARS}"\2'),
    (re.compile(r"(\$\d{1,5} = )'(?:[^']|'')*'?"), rf"\1'{STARS}'"),
    (re.compile(r"(COPY [^:\n]{1,200}: )\".*\"", re.DOTALL), rf'\1"{STARS}"'),
    # The password of a URL, to the last @ before a blank: passwords are not always percent-encoded.
    (re.compile(r"(://[^:/@\s]{0,256}):\S{1,512}@"), rf"\1:{STARS}@"),
    (re.compile(r"\b(Bearer|DPoP)\b[ \t:=]+[^\s\"',;]+", re.IGNORECASE), rf"\1 {STARS}"),
    (re.compile(r"\b(Basic)[ \t]+[A-Za-z0-9+/_-]{6,}={0,2}", re.IGNORECASE), rf"\1 {STARS}"),
    # JSON Web Tokens, signed (three parts) or encrypted (five): base64url of `{"`, `{ `, `{\n`, `{\r` or `{\t`.
    (re.compile(r"e(?:yJ|yA|wo|w0|wk)[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){1,4}"), STARS),
    # A header line is secret to its end, any other `key=value` to the end of the value.
    (
        re.compile(
            r"((?:authorization|cookie)s?[\"']?[ \t]{0,4}[:=][ \t]{0,4})(?:\"[^\"\n]*\"|'[^'\n]*'|[^\n]+)",
            re.IGNORECASE,
        ),
        rf"\1{STARS}",
    ),
    (
        re.compile(
            rf"((?:{_SECRETIVE})[\w-]{{0,40}}[\"']?[ \t]{{0,4}}[:=][ \t]{{0,4}})"
            r"(?:\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|[^\s,;&\"')\]}]+)",
            re.IGNORECASE,
        ),
        rf"\1{STARS}",
    ),
    (
        re.compile(
            r"(?:\"[^\"\s]{1,64}\"|[\w.!#$%&'*+?^`~-]{1,64})(?:@|%40)"
            r"(?:\[[^\]\s]{1,64}\]|[\w-]{1,63}(?:\.[\w-]{1,63}){1,10})"
        ),
        STARS,
    ),
)


def scrub(text: str) -> str:
    """The text with everything secret or personal replaced by stars, at most 16,384 characters of it."""
    if _SUSPICIOUS.search(text, 0, MAX_TEXT_CHARACTERS + _OVERLAP) is None:
        return text if len(text) <= MAX_TEXT_CHARACTERS else text[:MAX_TEXT_CHARACTERS] + "…"
    cut = len(text) > MAX_TEXT_CHARACTERS
    if cut:
        text = text[: MAX_TEXT_CHARACTERS + _OVERLAP]
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text[:MAX_TEXT_CHARACTERS] + "…" if cut else text


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


def _scrub_mapping(value: Mapping[object, object], depth: int) -> dict[str, object]:
    scrubbed: dict[str, object] = {}
    for _, (key, item) in zip(range(MAX_ITEMS), value.items(), strict=False):
        name = str(key)
        scrubbed[scrub(name)] = STARS if item is not None and is_secret_key(name) else scrub_value(item, depth + 1)
    return scrubbed


def _text_of(value: object) -> str:
    try:
        return str(value)
    except Exception:  # a broken __str__ must not break the log line
        return f"<{type(value).__name__}>"
