"""Which words of a server mean that another attempt to connect is no use."""

import pytest

from clarivum.jobs.worker.arrival import lasting_refusal

SERVER = 'cannot connect: connection failed: connection to server at "127.0.0.1", port 5432 failed: '


@pytest.mark.parametrize(
    "said",
    [
        'password authentication failed for user "clarivum_api"',
        'database "clarivum" does not exist',
        'no pg_hba.conf entry for host "10.0.0.1", user "a", database "b", no encryption',
        "Tenant or user not found",
    ],
)
def test_a_login_that_is_refused_stays_refused(said: str) -> None:
    assert lasting_refusal(f"{SERVER}FATAL:  {said}\nMultiple connection attempts failed") == said


@pytest.mark.parametrize(
    "reason",
    [
        f"{SERVER}FATAL:  the database system is starting up",
        f"{SERVER}FATAL:  the database system is not yet accepting connections",
        f"{SERVER}FATAL:  the database system is in recovery mode",
        f"{SERVER}FATAL:  sorry, too many clients already",
        f"{SERVER}FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
        f"{SERVER}FATAL:  MaxClientsInSessionMode: max clients reached",
        f"{SERVER}Connection refused",
        "no connection within 5 s",
        "cannot connect: [Errno -3] Temporary failure in name resolution",
    ],
)
def test_what_passes_is_waited_for(reason: str) -> None:
    assert lasting_refusal(reason) is None
