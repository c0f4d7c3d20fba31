"""Exceptions as text that may leave the process: messages scrubbed one by one, stacks without local values."""

import traceback

from clarivum.telemetry.scrubbing import scrub

MAX_CHAIN = 8
MAX_FRAMES = 50

_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"


def describe(error: BaseException) -> dict[str, str | int | bool]:
    """The attributes of an `exception` event, named as the semantic conventions name them."""
    return {
        "exception.type": qualified_name(error),
        "exception.message": scrub(_message(error)),
        "exception.stacktrace": stack(error),
    }


def qualified_name(error: BaseException) -> str:
    """`module.Class`, without the module for built-in exceptions."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def stack(error: BaseException) -> str:
    """The traceback with its chain of causes, oldest first, at most 8 exceptions and 50 frames each."""
    parts: list[str] = []
    current: BaseException | None = error
    for _ in range(MAX_CHAIN):
        if current is None:
            break
        parts.insert(0, _one(current))
        if current.__cause__ is not None:
            parts.insert(0, _CAUSE)
            current = current.__cause__
        elif current.__context__ is not None and not current.__suppress_context__:
            parts.insert(0, _CONTEXT)
            current = current.__context__
        else:
            current = None
    return "".join(parts).strip("\n")


def _one(error: BaseException) -> str:
    frames = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__), limit=-MAX_FRAMES, lookup_lines=True, capture_locals=False
    )
    lines = ["Traceback (most recent call last):\n", *map(scrub, frames.format())] if frames else []
    lines.append(f"{qualified_name(error)}: {scrub(_message(error))}\n")
    for note in getattr(error, "__notes__", ()):
        lines.append(scrub(str(note)) + "\n")
    if isinstance(error, BaseExceptionGroup):
        lines += ["  | " + line + "\n" for inner in error.exceptions[:MAX_CHAIN] for line in _one(inner).splitlines()]
    return "".join(lines)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a broken __str__ must not hide the failure
        return "(the exception cannot be shown as text)"
