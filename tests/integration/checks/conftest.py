"""Each application of `applications/`, checked once for all tests of this folder."""

from pathlib import Path

import pytest

from tests.integration.checks.checking import Checked, checked


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    return checked("clean", tmp_path_factory.mktemp("applications"))


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    def age(root: Path) -> None:
        errors = root / "docs" / "errors.md"
        errors.write_text(errors.read_text(encoding="utf-8").replace("invalid_token", "invalid_tokan", 1))
        (root / "docs" / "settings.md").unlink()
        tables = root / "docs" / "architecture.md"
        tables.write_text(
            tables.read_text(encoding="utf-8").replace("`public.fine` | growth", "`public.fine` | platform")
        )

    return checked("seeded", tmp_path_factory.mktemp("applications"), age)


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    return checked("planted", tmp_path_factory.mktemp("applications"), rules=["database"])


@pytest.fixture(scope="session")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    return checked("refused", tmp_path_factory.mktemp("applications"))
