"""Whatever stands in a text is shown, not obeyed: each piece is rendered by a CommonMark parser and read back."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from clarivum.checks.review.markdown import (
    Abridging,
    Bullets,
    Code,
    Details,
    Listing,
    Paragraph,
    Steps,
    Table,
    document,
    markdown,
)

HOSTILE = [
    "select 'a|b' from public.leads",
    "a `tick` and ``two``",
    "`starts and ends`",
    "where email ~ 'x\\|y'",
    "ends with a backslash\\",
    "*stars* and _lines_ and snake_case_name",
    "<script>alert(1)</script> & &amp; &lt;",
    "[link](http://example.org) ![image](x)",
    "~~struck~~ || '%' || x",
    "# no heading",
    "- no list",
    "12. no list either",
    "1) nor this",
    "\\| \\` \\\\",
    "| |",
    "```",
]


def rendered(text: str) -> str:
    return str(MarkdownIt("commonmark").enable("table").render(text))


def shown(html: str) -> str:
    """What a reader sees, white space aside."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html)).split())


def cells(html: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [[shown(cell) for cell in re.findall(r"<t[dh]>(.*?)</t[dh]>", row, re.DOTALL)] for row in rows]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_it_is(text: str) -> None:
    table = Table(("plain", "code"), ((text, Code(text)), ("next", "row")))
    read = cells(rendered(markdown([table])))
    assert read == [["plain", "code"], [" ".join(text.split())] * 2, ["next", "row"]]
    for block in (Paragraph(text), Bullets((text,)), Steps((text,)), Paragraph(("before ", Code(text)))):
        html = rendered(markdown([block]))
        assert shown(html).removeprefix("before ") == " ".join(text.split())
        assert "<h1>" not in html
        assert "<script>" not in html
        assert "<a " not in html


@given(st.text(st.sampled_from("ab |`\\*_<>&~#-1.[]()\n$'\""), min_size=1).filter(str.strip))
def test_any_text_keeps_its_table_whole(text: str) -> None:
    read = cells(rendered(markdown([Table(("a", "b", "c"), ((text, Code(text), "end"),))])))
    assert [len(row) for row in read] == [3, 3]
    assert read[1][2] == "end"
    assert read[1][0] == read[1][1] == " ".join(text.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_a_listing_holds_its_lines_and_details_their_summary(text: str) -> None:
    lines = f"{text}\n````\n  indented"
    block = Details(("summary ", Code(text)), (Listing("sql", lines),))
    html = rendered(markdown([block, Paragraph("after")]))
    code = re.search(r"<pre><code[^>]*>(.*?)</code></pre>", html, re.DOTALL)
    assert code is not None
    assert unescape(code[1]).rstrip("\n") == lines
    summary = re.search(r"<summary>(.*?)</summary>", html, re.DOTALL)
    assert summary is not None
    assert shown(summary[1]) == " ".join(f"summary {text}".split())
    assert html.rstrip().endswith("<p>after</p>")


def test_what_is_abridged_says_how_much_is_missing() -> None:
    table = Table(("a",), tuple((str(number),) for number in range(10)))
    blocks = [table, Bullets(("x", "y", "z")), Details("more", (Paragraph("hidden"),))]
    text = markdown(blocks, Abridging(details=False, rows=2))
    assert "… and 8 more" in text
    assert "- … and 1 more" in text
    assert "hidden" not in text
    assert "hidden" in markdown(blocks)


def test_machines_get_everything_without_marks() -> None:
    blocks = [
        Table(("object", "what"), ((("public.", Code("a|b")), "new"),)),
        Details(("see ", Code("x")), (Listing("sql", "select 1"), Steps(("one",)))),
    ]
    assert document(blocks) == [
        {"type": "table", "columns": ["object", "what"], "rows": [{"object": "public.a|b", "what": "new"}]},
        {
            "type": "details",
            "summary": "see x",
            "blocks": [
                {"type": "listing", "language": "sql", "text": "select 1"},
                {"type": "steps", "items": ["one"]},
            ],
        },
    ]
