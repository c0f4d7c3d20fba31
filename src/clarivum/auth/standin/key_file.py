"""The stand-in's signing key: made on first use, then the same for every process that is given the file."""

import os
import secrets
from pathlib import Path

from joserfc.jwk import RSAKey

from clarivum.errors import ConfigurationError

KEY_BITS = 2_048


def load_or_create_key(path: Path) -> RSAKey:
    """The RSA key in the PEM file at `path`, mode 0600; made when there is none (a tenth of a second or two).

    Two processes that start at once end up with the same key. Raises ConfigurationError when the file may be read by
    others or holds no RSA key of 2048 bits.
    """
    try:
        return _load(path)
    except FileNotFoundError:
        _create(path)
        return _load(path)


def _load(path: Path) -> RSAKey:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise ConfigurationError(f"{path} may be read by others: chmod 600, or delete it to have a new key made")
        pem = file.read()
    try:
        key = RSAKey.import_key(pem, {"alg": "RS256", "use": "sig"})
        usable = key.is_private and key.raw_value.key_size >= KEY_BITS
    except Exception:  # joserfc and cryptography raise unrelated types
        usable = False
    if not usable:
        raise ConfigurationError(f"{path} holds no RSA private key of {KEY_BITS} bits: delete it to have one made")
    key.ensure_kid()
    return key


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(RSAKey.generate_key(KEY_BITS).as_pem(private=True))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike a rename, never replaces the key that another process made meanwhile
    except FileExistsError:
        pass
    finally:
        draft.unlink()
