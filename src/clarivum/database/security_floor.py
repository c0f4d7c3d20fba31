"""The oldest Postgres that anything here works with."""

from clarivum.errors import ConfigurationError

SECURITY_FLOORS = {15: 14, 16: 10, 17: 6}
"""Oldest minor release per major without a known hole that matters here; newer majors have none."""
OLDEST_MAJOR = 15


def refuse_outdated_server(server_version: int, variable: str = "DATABASE_URL") -> None:
    """Raise ConfigurationError when the server is older than its major's security floor. 160010 is 16.10."""
    major, minor = divmod(server_version, 10_000)
    floor = SECURITY_FLOORS.get(major, 0)
    if major < OLDEST_MAJOR or minor < floor:
        floors = ", ".join(f"{known}.{least}" for known, least in SECURITY_FLOORS.items())
        raise ConfigurationError(
            f"{variable}: Postgres {major}.{minor} is older than its security floor; upgrade to {floors} or newer"
        )
