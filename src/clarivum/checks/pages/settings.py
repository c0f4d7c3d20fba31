"""docs/settings.md: every setting, where it is read from, what it does, and its default and bounds."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from clarivum.settings import PROCESS_VARIABLES, Settings, variables_of

INTRODUCTION = """# Settings

Read once, from the environment, before anything listens. A variable that is empty counts as unset; an unknown
`CLARIVUM_*` name is refused with the nearest known one, and a value that cannot be used is refused with its name and
without its value (exit code 3). `./clarivum doctor` lists what holds here and now.

| variable | default | what it does |
|---|---|---|
"""
BOUNDS = (("ge", "at least {}"), ("gt", "above {}"), ("le", "at most {}"), ("min_length", "characters: at least {}"))


def settings_page() -> str:
    """The page's Markdown."""
    rows = "".join(_row(name, field) for name, field in Settings.model_fields.items())
    others = ", ".join(f"`{name}`" for name in sorted(PROCESS_VARIABLES))
    return f"{INTRODUCTION}{rows}\nRead by single commands or by the tests, not by every process: {others}.\n"


def _row(name: str, field: FieldInfo) -> str:
    first, *others = variables_of(Settings, name)
    variable = f"`{first}`" + "".join(f"<br>else `{other}`" for other in others)
    about = "; ".join(_sentence(field))
    return f"| {variable} | {_default(field)} | {about} |\n"


def _default(field: FieldInfo) -> str:
    default = field.default
    if default is None or default == "":
        return "–"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{getattr(default, 'value', default)}`"


def _sentence(field: FieldInfo) -> Iterator[str]:
    yield (field.description or "").replace("|", "\\|")
    bounds = [
        words.format(f"{value:,}" if isinstance(value, int) else value)
        for attribute, words in BOUNDS
        for constraint in field.metadata
        if (value := getattr(constraint, attribute, None)) is not None
    ]
    if bounds:
        yield ", ".join(bounds)
    if _is_secret(field.annotation):
        yield "secret: shown masked"


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or SecretStr in get_args(annotation)
