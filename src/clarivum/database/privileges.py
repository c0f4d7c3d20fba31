"""Which account runs the Postgres binaries, and whether it can reach them.

An ordinary user runs them as themselves. Root cannot (Postgres refuses), so an ordinary account is chosen: the owner of
an existing data directory, else `postgres`, else `nobody`.
"""

import os
import pwd
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from clarivum.errors import ConfigurationError

CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs Postgres. `uid` -1: the caller. `capability` is kept to reach directories closed to the account."""

    uid: int = -1
    gid: int = -1
    capability: int = -1

    @property
    def is_caller(self) -> bool:
        return self.uid < 0


CALLER = Account()


def choose_account(existing: Path | None) -> Account:
    """The account that will own the data; `existing` is the data directory if there is one.

    Raises ConfigurationError when root finds no ordinary account to run Postgres.
    """
    if os.geteuid() != 0:
        return CALLER
    if existing is not None and (owner := existing.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise ConfigurationError(
        "Postgres does not run as root and this machine has neither an account `postgres` nor `nobody`;"
        " run the command as an ordinary user"
    )


def reachable(account: Account, paths: Iterable[Path]) -> bool:
    """Whether the account can enter every directory on the way to each path (permission bits; ACLs are not read)."""
    return account.is_caller or all(
        _may_search(account, directory) for path in paths for directory in [path, *path.parents] if directory.is_dir()
    )


def _may_search(account: Account, directory: Path) -> bool:
    status = directory.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid == account.gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)


def keepable_capability(status: str | None = None) -> int | None:
    """The least capability that reaches closed directories and may be kept across exec, from /proc/self/status.

    Containers commonly drop CAP_DAC_READ_SEARCH and leave CAP_DAC_OVERRIDE; some drop both: then None.
    """
    if status is None:
        if sys.platform != "linux":
            return None
        status = Path("/proc/self/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines() if line.startswith(("CapPrm", "CapBnd")))
    held = int(fields.get("CapPrm", "0"), 16) & int(fields.get("CapBnd", "0"), 16)
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if held >> capability & 1:
            return capability
    return None
