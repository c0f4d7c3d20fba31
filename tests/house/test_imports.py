"""Who may import whom, and what a package offers."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def test_the_layers_hold() -> None:
    ended = subprocess.run(
        [str(BIN / "lint-imports"), "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stdout


def test_no_import_is_exempt() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert contracts
    assert [contract["name"] for contract in contracts if contract.get("ignore_imports")] == []


def test_the_application_takes_what_the_packages_offer() -> None:
    taken = [
        (str(path.relative_to(ROOT)), node.module, alias.name)
        for path in sorted((ROOT / "bff").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "clarivum"
        for alias in node.names
    ]
    assert taken
    assert [each for each in taken if each[2] not in getattr(import_module(each[1] or ""), "__all__", [each[2]])] == []
    assert [each for each in taken if (each[1] or "").count(".") != 1] == []


def imports_of(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each file below a folder with each module that it imports from."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                yield path, node.module
            elif isinstance(node, ast.Import):
                for name in node.names:
                    yield path, name.name


def test_features_meet_in_one_file_and_beside_it_only_in_each_others_queries() -> None:
    """An effect in two features' tables, such as a purchase that grants an entitlement, is one transaction."""
    met = {
        f"{path.relative_to(ROOT)}: {module}"
        for path, module in imports_of(ROOT / "bff")
        if path.name != "app.py" and module.startswith("bff.") and module.split(".")[1] != path.parent.name
    }
    assert {each for each in met if not each.endswith(".queries")} == set()


def test_every_package_names_what_it_offers() -> None:
    packages = [path.parent for path in (ROOT / "src" / "clarivum").glob("*/__init__.py")]
    silent = [
        package.name
        for package in packages
        if package.name not in {"cli", "testing"}
        and "__all__" not in (package / "__init__.py").read_text(encoding="utf-8")
    ]
    assert silent == []
