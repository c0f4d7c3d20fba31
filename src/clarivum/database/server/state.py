"""What must outlast a run of the embedded server: its passwords and the port it was found at last."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServerState:
    """Passwords are 192 random bits; `port` is 0 before the first start."""

    admin_password: str
    app_password: str
    port: int = 0

    @classmethod
    def load(cls, path: Path) -> "ServerState | None":
        """None when the file is missing or unreadable as written by `save`."""
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            return cls(str(fields["admin_password"]), str(fields["app_password"]), int(fields["port"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    @classmethod
    def fresh(cls) -> "ServerState":
        return cls(secrets.token_urlsafe(24), secrets.token_urlsafe(24))

    def with_port(self, port: int) -> "ServerState":
        return replace(self, port=port)

    def save(self, path: Path) -> None:
        """Replace the file at once; only its owner may read it."""
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
