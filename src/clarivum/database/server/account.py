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
NEEDED_OF_ROOT = {0: "CAP_CHOWN", 1: "CAP_DAC_OVERRIDE", 5: "CAP_KILL", 6: "CAP_SETGID", 7: "CAP_SETUID"}
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

    Raises ConfigurationError when root finds no ordinary account, or lacks the capabilities to use one.
    """
    if os.geteuid() != 0:
        return CALLER
    if missing := missing_capabilities():
        raise ConfigurationError(
            f"Postgres does not run as root, and this root lacks {', '.join(missing)} to run it as another account;"
            " run the command as an ordinary user"
        )
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
    """The least capability that reaches closed directories and may be kept across exec; None where there is none.

    `status` is the text of /proc/self/status. Containers commonly drop CAP_DAC_READ_SEARCH and leave CAP_DAC_OVERRIDE.
    """
    held = _held(_process_status() if status is None else status)
    return next((number for number in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) if number in held), None)


def missing_capabilities(status: str | None = None) -> list[str]:
    """What a root with fewer rights than root lacks to run Postgres as another account and to look after its files."""
    if sys.platform != "linux":
        return []
    held = _held(_process_status() if status is None else status)
    return [name for number, name in NEEDED_OF_ROOT.items() if number not in held]


def _process_status() -> str:
    return Path("/proc/self/status").read_text(encoding="ascii") if sys.platform == "linux" else ""


def _held(status: str) -> frozenset[int]:
    """Capabilities that are both permitted and in the bounding set: what may be made inheritable."""
    fields = dict(line.split(":", 1) for line in status.splitlines() if line.startswith(("CapPrm", "CapBnd")))
    mask = int(fields.get("CapPrm", "0"), 16) & int(fields.get("CapBnd", "0"), 16)
    return frozenset(number for number in range(mask.bit_length()) if mask >> number & 1)
