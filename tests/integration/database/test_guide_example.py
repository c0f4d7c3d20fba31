"""What docs/guide/database.md shows of sessions runs as shown."""

import re
import textwrap
import types
from pathlib import Path

from pydantic import BaseModel

from clarivum.testing.postgres import DatabaseUrls
from tests.integration.database.conftest import Admin

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "database.md"
REST = """
-- name: capture_lead -> one Lead
insert into public.leads_shown (email, source) values (%(email)s, %(source)s) returning id, email;

-- name: count_lead -> none
update public.leads_counted set leads = leads + 1 where source = %(source)s;
"""
TABLES = """
create table public.leads_shown (
    id bigint generated always as identity, email text, source text, created_at timestamptz default now()
);
create table public.leads_counted (source text, leads int);
insert into public.leads_counted values ('footer', 0);
grant select, insert on public.leads_shown to authenticated;
grant select, update on public.leads_counted to clarivum_worker;
"""


class Lead(BaseModel):
    """The row class that the guide names."""

    id: int
    email: str


class Step(BaseModel):
    """The other one."""

    step: str
    count: int


async def test_the_guides_example(admin: Admin, database_urls: DatabaseUrls, tmp_path: Path) -> None:
    section = GUIDE.read_text(encoding="utf-8").partition("## Sessions and queries")[2]
    declared, used = (re.search(rf"```{language}\n(.*?)```", section, re.DOTALL) for language in ("sql", "python"))
    assert declared is not None
    assert used is not None
    sql = declared[1].replace("public.leads ", "public.leads_shown ")
    (tmp_path / "queries.sql").write_text(sql + REST, encoding="utf-8")
    admin.run(TABLES)
    contract = types.ModuleType("contract")
    contract.__dict__.update(Lead=Lead, Step=Step)
    names: dict[str, object] = {"__file__": str(tmp_path / "x.py"), "contract": contract, "url": database_urls.app}
    source = "async def example():\n" + textwrap.indent(used[1], "    ") + "\n    return leads, lead, queries\n"
    exec(compile(source, str(GUIDE), "exec"), names)
    leads, lead, queries = await names["example"]()  # type: ignore[operator]
    assert leads == []
    assert lead == Lead(id=1, email="a@example.com")
    assert queries.lead_funnel.slow
    assert admin.run("select leads from public.leads_counted") == [(1,)]
