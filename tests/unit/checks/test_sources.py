"""Declarations read off the syntax, however they are imported."""

import ast
from pathlib import Path

import pytest

from clarivum.checks import declarations
from clarivum.checks.sources import package_folder, read_sources
from clarivum.errors import ConfigurationError


def package(folder: Path, files: dict[str, str]) -> Path:
    """A package `shop` with these files."""
    root = folder / "shop"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("imports", "decorator"),
    [
        ("from clarivum.api import get", "get"),
        ("from clarivum.api import get as fetch", "fetch"),
        ("from clarivum import api", "api.get"),
        ("import clarivum.api", "clarivum.api.get"),
        ("import clarivum.api as web", "web.get"),
        ("from clarivum.api.route import get", "get"),
    ],
)
def test_a_route_is_a_route_under_any_name(tmp_path: Path, imports: str, decorator: str) -> None:
    text = f"{imports}\n\n@{decorator}('/leads', access=None)\nasync def leads(): ...\n"
    sources, _ = read_sources("shop", package(tmp_path, {"routes.py": text}), tmp_path)
    (route,) = declarations.routes(sources)
    assert (route.subject, route.file, route.line, route.key) == (
        "GET /leads",
        "shop/routes.py",
        3,
        ("shop.routes", "leads"),
    )


def test_another_librarys_get_is_no_route(tmp_path: Path) -> None:
    text = "from flask import get\n\n@get('/leads')\ndef leads(): ...\n"
    sources, _ = read_sources("shop", package(tmp_path, {"routes.py": text}), tmp_path)
    assert declarations.routes(sources) == ()


def test_relative_imports_are_followed(tmp_path: Path) -> None:
    text = "from .queries import queries\nfrom ..app import application\n"
    files = {"leads/__init__.py": "", "leads/routes.py": text}
    sources, _ = read_sources("shop", package(tmp_path, files), tmp_path)
    routes = next(source for source in sources if source.module == "shop.leads.routes")
    assert routes.names == {"queries": "shop.leads.queries.queries", "application": "shop.app.application"}


def test_a_name_of_the_module_itself_is_its_own(tmp_path: Path) -> None:
    sources, _ = read_sources("shop", package(tmp_path, {"app.py": "feature = 1\n"}), tmp_path)
    assert sources[0].qualified(ast.Name("feature")) == "shop.app.feature"


def test_a_file_that_does_not_parse_is_a_problem_and_hides_no_other(tmp_path: Path) -> None:
    sources, problems = read_sources(
        "shop", package(tmp_path, {"a.py": "def broken(:\n", "b.py": "fine = 1\n"}), tmp_path
    )
    assert [source.module for source in sources] == ["shop.b"]
    assert [(problem.file, problem.line) for problem in problems] == [("shop/a.py", 1)]


def test_a_package_that_is_not_there_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="no package 'no_such_package'"):
        package_folder("no_such_package")
