"""What docs/guide/database.md shows is true."""

import re
from pathlib import Path

import psycopg
import pytest

from clarivum.testing.postgres import DatabaseUrls


def examples(guide: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)


def test_the_examples_of_server_and_migrations_run(
    empty_database_urls: DatabaseUrls, data: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = request.config.rootpath / "docs" / "guide" / "database.md"
    server, migrations, *_ = examples(guide)
    names: dict[str, object] = {}
    exec(server.replace('Path(".clarivum")', f"Path({str(data)!r})"), names)
    assert names["url"] == names["server"].app_url()

    monkeypatch.chdir(request.config.rootpath)
    provided = {"url": empty_database_urls.admin, "folder": Path("supabase/migrations"), "Path": Path}
    from clarivum.database.provision import provision

    provision(empty_database_urls.admin)
    exec(migrations, provided)
    with psycopg.connect(empty_database_urls.admin) as connection:
        assert connection.execute("select count(*) > 0 from public.entitlements").fetchone() == (True,)
