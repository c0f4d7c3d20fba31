"""Names of new migration files: `<YYYYMMDDHHMMSS>_<name>.sql`, in UTC, later than every other."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clarivum.database.migrations.files import FILE_NAME
from clarivum.errors import RefusedError, UsageError

VERSION = re.compile(r"[0-9]{14}")
MAX_NAME_CHARACTERS = 100


def new_migration_path(folder: Path, name: str, now: datetime) -> Path:
    """Where a migration called `name` goes; nothing is written. `now` is aware.

    The version is the time, or a second after the newest file's where that lies ahead: a file that sorts before one
    that is applied somewhere could not be. Raises UsageError for a name that cannot be a file's.
    """
    check_name(name)
    newest = max((path.name[:14] for path in folder.glob("*.sql") if VERSION.match(path.name)), default="")
    version = f"{now.astimezone(UTC):%Y%m%d%H%M%S}"
    return folder / f"{version if version > newest else _after(newest)}_{name}.sql"


def check_name(name: str) -> None:
    """Raise UsageError, with a name that would do, unless both tools read `name` as it is written."""
    if FILE_NAME.fullmatch(f"{'0' * 14}_{name}.sql") and len(name) <= MAX_NAME_CHARACTERS:
        return
    better = re.sub(r"[^A-Za-z0-9]+", "_", name.removesuffix(".sql")).strip("_").lower()[:MAX_NAME_CHARACTERS]
    raise UsageError(
        f"{name!r} cannot be the name of a migration: letters, digits, `_`, `-` and `.`, at most"
        f" {MAX_NAME_CHARACTERS}" + (f"; did you mean {better!r}?" if better else "")
    )


def _after(version: str) -> str:
    """A second later; where the digits are no time, the next number."""
    try:
        return f"{datetime.strptime(version, '%Y%m%d%H%M%S').replace(tzinfo=UTC) + timedelta(seconds=1):%Y%m%d%H%M%S}"
    except (ValueError, OverflowError):
        if version >= "9" * 14:
            raise RefusedError(f"no version can come after {version}; rename that file") from None
        return f"{int(version) + 1:014d}"
