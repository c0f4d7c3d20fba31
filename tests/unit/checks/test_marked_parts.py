"""Parts of a page that a command writes, and the words around them that it leaves alone."""

import pytest

from clarivum.checks.pages.marked import with_parts
from clarivum.errors import ConfigurationError

COMMAND = "./clarivum db erd"
BEGIN = f"<!-- made by {COMMAND}: diagram; do not edit between here and its end -->"
END = f"<!-- end of diagram, made by {COMMAND} -->"
OTHER = "<!-- made by ./clarivum access matrix: cells; do not edit between here and its end -->"


def written(page: str, **parts: str) -> str:
    return with_parts(page, parts or {"diagram": "new"}, COMMAND, "docs/page.md")


def test_what_is_between_the_marks_is_replaced_and_the_rest_kept() -> None:
    page = f"# Title\n\n{BEGIN}\nold\nolder\n{END}\n\nBy hand.\n{OTHER}\n"
    assert written(page) == f"# Title\n\n{BEGIN}\nnew\n{END}\n\nBy hand.\n{OTHER}\n"


def test_writing_twice_changes_nothing() -> None:
    once = written("# Title\n", diagram="a\nb\n", tables="c")
    assert written(once, diagram="a\nb\n", tables="c") == once


def test_a_part_without_marks_is_added_at_the_end() -> None:
    assert written("# Title\n") == f"# Title\n\n{BEGIN}\nnew\n{END}\n"


def test_parts_stay_in_the_order_in_which_they_stand() -> None:
    reversed_page = written("# Title\n", tables="t", diagram="d")
    changed = written(reversed_page, diagram="d\ne", tables="u\nv\nw")
    assert changed == written("# Title\n", tables="u\nv\nw", diagram="d\ne")


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (f"{BEGIN}\nx\n", r"docs/page.md:1: the part 'diagram' has no end"),
        (f"x\n{END}\n", r"docs/page.md:2: the end of 'diagram' without its beginning"),
        (f"{BEGIN}\n{BEGIN}\n{END}\n", r"docs/page.md:2: a part begins before the end of 'diagram'"),
        (f"{BEGIN}\n{END}\n{BEGIN}\n{END}\n", r"docs/page.md:3: the part 'diagram' stands twice"),
        (f"{BEGIN}\n{END.replace('diagram', 'tables')}\n", r"docs/page.md:2: the end of 'tables' without"),
        (
            BEGIN.replace("diagram", "map") + "\n" + END.replace("diagram", "map"),
            "makes no part 'map'; it makes diagram",
        ),
    ],
)
def test_marks_that_do_not_fit_are_refused_with_their_line(page: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        written(page)
