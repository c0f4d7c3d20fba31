"""From path to route."""

import pytest

from clarivum.api.router import Router
from clarivum.errors import DeclarationError

ROUTER = Router(
    [
        ("GET", "/leads", "list"),
        ("POST", "/leads", "capture"),
        ("GET", "/leads/{lead_id}", "read"),
        ("DELETE", "/leads/{lead_id}", "erase"),
        ("GET", "/leads/export", "export"),
        ("GET", "/leads/{lead_id}/notes/{note_id}", "note"),
        ("GET", "/{kind}/summary", "summary"),
    ]
)


def find(path: str, method: str = "GET") -> tuple[str | None, tuple[bytes, ...]]:
    methods, values = ROUTER.find(path.encode())
    return (None, values) if methods is None else (methods.by_method.get(method), values)


@pytest.mark.parametrize(
    ("path", "target", "values"),
    [
        ("/leads", "list", ()),
        ("/leads/7", "read", (b"7",)),
        ("/leads/export", "export", ()),
        ("/leads/7/notes/8", "note", (b"7", b"8")),
        ("/leads/summary", "read", (b"summary",)),
        ("/things/summary", "summary", (b"things",)),
        ("/leads/a%2Fb", "read", (b"a%2Fb",)),
        ("/leads/{}", "read", (b"{}",)),
        ("/%6ceads", None, ()),
        ("/%6Ceads/7", None, ()),
        ("/leads%2Fexport", None, ()),
        ("/leads/%65xport", "read", (b"%65xport",)),
        ("/leads/7%2Fnotes%2F8", "read", (b"7%2Fnotes%2F8",)),
        ("/leads/", None, ()),
        ("/leads//notes/8", None, ()),
        ("/leads/7/notes", None, ()),
        ("/leads/7/", None, ()),
        ("//leads", None, ()),
        ("/", None, ()),
        ("", None, ()),
    ],
)
def test_a_path_finds_its_route(path: str, target: str | None, values: tuple[bytes, ...]) -> None:
    assert find(path) == (target, values)


def test_a_path_knows_its_methods() -> None:
    methods, _ = ROUTER.find(b"/leads")
    assert methods is not None
    assert methods.allow == "GET, HEAD, POST"
    assert find("/leads", "HEAD")[0] == "list"
    assert find("/leads/7", "PATCH")[0] is None


def test_a_parameter_is_split_off_before_it_is_decoded() -> None:
    methods, values = ROUTER.find(b"/leads/a%2Fb")
    assert methods is not None
    assert values == (b"a%2Fb",)


def test_what_contradicts_is_refused() -> None:
    with pytest.raises(DeclarationError, match="GET /a is declared twice"):
        Router([("GET", "/a", 1), ("GET", "/a", 2)])
    with pytest.raises(DeclarationError, match=r"GET /a/\{x\} is declared twice"):
        Router([("GET", "/a/{x}", 1), ("GET", "/a/{x}", 2)])
    with pytest.raises(DeclarationError, match="names its parameters differently"):
        Router([("GET", "/a/{x}", 1), ("POST", "/a/{y}", 2)])
