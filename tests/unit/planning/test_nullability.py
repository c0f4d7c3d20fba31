"""Which columns of a result may be null, read from the statement."""

import pytest

from clarivum.database.planning.nullability import nullable_columns

TABLES = {
    ("public", "a"): {"id": False, "x": True, "y": False},
    ("public", "b"): {"id": False, "a_id": True, "z": False},
    ("other", "a"): {"id": True},
}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select id, x, y from a", (False, True, False)),
        ("select id from other.a", (True,)),
        ("select a.* from a", (False, True, False)),
        ("select t.one, t.y from a as t (one)", (False, False)),
        # outer joins
        ("select a.id, b.z from a left join b on b.a_id = a.id", (False, True)),
        ("select a.id, b.z from a right join b on b.a_id = a.id", (True, False)),
        ("select a.id, b.z from a full join b on b.a_id = a.id", (True, True)),
        ("select a.id, b.z, b.a_id from a join b on b.a_id = a.id", (False, False, False)),
        ("select one.id, two.id as other from a one left join a two on one.x = two.x", (False, True)),
        ("select z from a left join lateral (select z from b where b.a_id = a.id limit 1) s on true", (True,)),
        ("with c as (select id, x from a) select c.x, c.id, b.id from b left join c on true", (True, True, False)),
        ("select b.z from a left join (b join a c on b.a_id = c.x) on b.id = a.id", (True,)),
        ("select a.x, b.a_id from a join b on a.x = b.a_id right join a c on c.id = a.id", (True, True)),
        ("select a.x, b.z from a left join b on b.a_id = a.id where a.x > 1", (False, True)),
        ("select a_id, c.x from (a join b on a.x = b.a_id) full join a c on c.y = b.z where c.x = 1", (True, False)),
        ("select x from v left join (select x from a where x > 1) s using (y)", (None,)),
        ("select id, a.id, b.id from a join b using (id)", (False, False, False)),
        ("select id, a.id, b.id from a left join b using (id)", (False, False, True)),
        ("select id, a.id, b.id from a right join b using (id)", (False, True, False)),
        ("select id, a.id, b.id from a full join b using (id)", (False, True, True)),
        ("select x, one.x, two.x from a one join a two using (x)", (False, False, False)),
        ("select x, two.x from a one left join a two using (x) where x is not null", (False, True)),
        ("select id from a natural left join b", (False,)),
        ("select j.id from (a join b using (id)) as j", (None,)),
        ("select m.y from b left join lateral (select a.y from a where a.id = b.id) m on true", (True,)),
        ("select m.id from b join lateral (select b.id) m on true", (False,)),
        ("select one, two from (select x, y from a) s (one, two)", (True, False)),
        ("select s.one, s.two from (select 1, null) s (one, two)", (False, True)),
        ("select s.count from (select count(*), max(y) from a) s", (False,)),
        # conditions
        ("select x from a where x is not null", (False,)),
        ("select x from a where a.x = $1 and y = 2", (False,)),
        ("select x from a where x in ('1', '2')", (False,)),
        ("select x from a where x = $1 or y = 2", (True,)),
        ("select x from a where x is not distinct from $1", (True,)),
        ("select b.z from a left join b on b.a_id = a.id where b.z > 1", (False,)),
        ("select x from a where x <> all($1)", (True,)),
        # aggregates and windows
        ("select count(*), sum(y), coalesce(sum(y), 0), max(y) from a", (False, True, False, True)),
        ("select y, sum(y), max(x), array_agg(x) from a group by y", (False, False, True, False)),
        ("select y, sum(y) filter (where y > 1) from a group by y", (False, True)),
        ("select sum(y) over (order by id), lag(y) over (), row_number() over () from a", (False, True, False)),
        ("select x, y, count(*), sum(y) from a group by x, rollup(y)", (True, True, False, True)),
        ("select y, coalesce(x, 'none'), grouping(y) from a group by grouping sets ((y), (2))", (True, None, False)),
        ("select y, stddev(y), variance(y) from a group by y", (False, None, None)),
        ("select percentile_cont(0.5) within group (order by x), percentile_cont(0.5) within group (order by y) from a"
         " group by id", (True, False)),
        ("select sum(y) over (order by id rows between 2 preceding and 1 preceding) from a", (None,)),
        ("select max(y) over w, sum(y) over v from a window w as (order by id rows 2 preceding exclude current row),"
         " v as (order by id)", (None, False)),
        ("select sum(y) filter (where y > 1) over () from a", (True,)),
        # expressions
        ("select substring(y from '@(.*)$'), substring(y from 2), substring(x from '@') from a", (None, False, True)),
        ("select extract(month from y), extract(epoch from y), to_char(y, 'YYYY') from a", (None, False, None)),
        ("select mine.lower(y), lower(variadic y), pg_catalog.lower(y), current_schema from a",
         (None, None, False, None)),
        ("select (x, y) = (1, 2), 1 = any(array[x]), 1 = any(array[y]), 1 = any(y), (y, 1) in ((2, 3)) from a",
         (True, True, False, None, False)),
        ("select (select count(*) from a offset 1), (select (select count(*) from b) from a)", (True, True)),
        ("select lower(x), y + 1, x || 'a', nullif(y, 1) from a", (True, False, True, True)),
        ("select case when y = 1 then 2 end, case when y = 1 then 2 else 3 end from a", (True, False)),
        ("select $1::text, unknown_function(y), null, 'a', x is null, now(), y::text from a",
         (None, None, True, False, False, False, False)),
        ("select greatest(x, y), coalesce(x, $1) from a", (False, None)),
        ("select exists (select 1), array(select 1)", (False, False)),
        ("select (select y from a limit 1), (select count(*) from a), (select 1)", (True, False, False)),
        ("select data ->> 'x' from (select '{}'::jsonb as data) s", (True,)),
        # statements
        ("select s.m from (select max(y) as m from a) s", (True,)),
        ("select x from a union all select z from b", (True,)),
        ("select id from a union all select z from b", (False,)),
        ("values (1, null), (2, 3)", (False, True)),
        ("insert into a (id) values (1) returning id, x", (False, True)),
        ("update a set x = '1' where x is not null returning x, y", (True, False)),
        ("update a set y = 1 from b where b.a_id = a.id returning a.y, b.a_id", (False, False)),
        ("delete from a where x = $1 returning x", (False,)),
        # what cannot be told
        ("select f.one from f() f", (None,)),
        ("select v.x from v", (None,)),
        ("select y from a, v", (None,)),
        ("with recursive r as (select id from a union all select id from r) select id from r", (None,)),
        ("merge into a using b on a.id = b.id when matched then delete returning a.id", (None,)),
    ],
)  # fmt: skip
def test_a_result_column(sql: str, expected: tuple[bool | None, ...]) -> None:
    assert nullable_columns(sql, TABLES) == expected


@pytest.mark.parametrize("sql", ["select * from v", "select v.*, a.id from a, v", "selec 1"])
def test_columns_that_cannot_be_counted(sql: str) -> None:
    assert nullable_columns(sql, TABLES) is None
