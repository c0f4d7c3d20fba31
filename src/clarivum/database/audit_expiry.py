"""Removes audit events past their 400 days: the migration login's work, since no login that serves may delete one."""

from clarivum.database.reach import connect

AT_ONCE = 10_000
STATEMENT = """
delete from clarivum.audit_events where id = any(array(
    select id from clarivum.audit_events where at < now() - interval '400 days' order by at limit %s
))
"""


def forget_audit_events(url: str) -> int:
    """Returns how many. Raises what `connect` raises."""
    forgotten = 0
    with connect(url, application_name="clarivum audit") as connection:
        while removed := connection.execute(STATEMENT, [AT_ONCE]).rowcount:
            forgotten += removed
    return forgotten
