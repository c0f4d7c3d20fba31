"""How generated pages are set: prose in lines of at most 116 characters."""

import textwrap

WIDTH = 116


def wrapped(paragraph: str) -> str:
    """One paragraph in lines; words, paths and code are never broken."""
    return textwrap.fill(paragraph, WIDTH, break_long_words=False, break_on_hyphens=False)
