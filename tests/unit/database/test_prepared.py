"""What one connection remembers of its prepared statements."""

from clarivum.database.wire.prepared import STALE_PLAN, UNKNOWN_STATEMENT, Control, PreparedStatements

A, B, C = Control("select 1"), Control("select 2"), Control("select 1")


def test_a_statement_has_a_name_per_role() -> None:
    statements = PreparedStatements()
    anonymous, _ = statements.add(A, "anon")
    member, _ = statements.add(A, "authenticated")
    twin, _ = statements.add(C, "anon")
    assert len({anonymous.name, member.name, twin.name}) == 3
    assert statements.get((A, "anon")) is anonymous
    assert statements.get((B, "anon")) is None


def test_the_oldest_makes_room() -> None:
    statements = PreparedStatements(limit=2)
    first, nobody = statements.add(A, "")
    assert nobody is None
    statements.add(B, "")
    _, evicted = statements.add(C, "")
    assert evicted is first
    assert statements.get((A, "")) is None
    assert len(statements) == 2


def test_a_refused_statement_is_forgotten_but_not_the_one_that_replaced_it() -> None:
    statements = PreparedStatements()
    old, _ = statements.add(A, "")
    kept, _ = statements.add(B, "")
    statements.refused(STALE_PLAN, A, "", old)
    assert statements.get((A, "")) is None
    new, _ = statements.add(A, "")
    statements.refused(STALE_PLAN, A, "", old)
    assert statements.get((A, "")) is new
    statements.refused("23505", A, "", new)
    assert statements.get((A, "")) is new
    statements.refused(UNKNOWN_STATEMENT, A, "", new)
    assert statements.get((B, "")) is None, "whoever deallocated one deallocated all"
    assert kept.name != new.name
