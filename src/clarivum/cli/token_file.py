"""A token that a command is given: in a file, or on standard input; never as an argument, which others can read."""

import sys
from pathlib import Path

from clarivum.errors import UsageError

MAX_FILE_CHARACTERS = 65_536


def read_token(source: str) -> str:
    """The token in a file, or on standard input; `Bearer ` before it and white space around it are left out.

    Raises UsageError for a file that cannot be read, and for one that holds nothing.
    """
    try:
        if source == "-":
            text = sys.stdin.read(MAX_FILE_CHARACTERS + 1)
        else:
            with Path(source).open(encoding="utf-8") as file:
                text = file.read(MAX_FILE_CHARACTERS + 1)
    except OSError as error:
        raise UsageError(f"--token names a file that cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError("--token names a file that is no text") from None
    token = text.strip()
    if token[:7].lower() == "bearer ":
        token = token[7:].strip()
    if not token:
        raise UsageError("--token holds nothing; `./clarivum token | ./clarivum access explain --token -` is one way")
    return token
