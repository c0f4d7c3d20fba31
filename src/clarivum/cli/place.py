"""Where things are: the application, the data folder, and what a running `up` has noted there."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from clarivum.errors import DependencyDownError
from clarivum.settings import Settings

ROOT = Path(__file__).resolve().parents[3]


def data_folder(given: Path | None = None) -> Path:
    """`--data`, else CLARIVUM_DATA, else `.clarivum/` beside the wrapper script; absolute."""
    return (given or Path(os.environ.get("CLARIVUM_DATA") or ROOT / ".clarivum")).absolute()


@dataclass(frozen=True, slots=True)
class Running:
    """What a running `up` tells other commands: `up.json` in the data folder, mode 0600, gone when it stops."""

    pid: int
    api_url: str
    identity_url: str | None
    database_url: str
    admin_url: str

    def write(self, data: Path) -> None:
        path = data / "up.json"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(self), file)

    @staticmethod
    def remove(data: Path) -> None:
        (data / "up.json").unlink(missing_ok=True)

    @classmethod
    def read(cls, data: Path) -> "Running | None":
        """The note of the `up` that runs on this data folder, or None."""
        try:
            running = cls(**json.loads((data / "up.json").read_text()))
            os.kill(running.pid, 0)
        except (OSError, ValueError, TypeError):
            return None
        return running


def database_url(settings: Settings, data: Path | None = None) -> str:
    """The application's login: DATABASE_URL, else the embedded database of a running `up`.

    Raises DependencyDownError when neither is there.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return _running(data).database_url


def admin_url(settings: Settings, data: Path | None = None) -> str:
    """The login that may change the schema: CLARIVUM_MIGRATION_URL, DATABASE_URL, else the embedded superuser."""
    for secret in (settings.migration_url, settings.database_url):
        if secret is not None:
            return secret.get_secret_value()
    return _running(data).admin_url


def _running(data: Path | None) -> Running:
    running = Running.read(data_folder(data))
    if running is None:
        raise DependencyDownError("no database: DATABASE_URL is not set, and neither `up` nor `db serve` is running")
    return running
