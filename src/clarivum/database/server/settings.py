"""How the embedded server is configured. Pure: a table in, command-line arguments out.

Settings travel on the command line, not in a file: root never writes into a directory that another account owns.
"""

from collections.abc import Mapping

from clarivum.errors import ConfigurationError

# Durability stays as in production: fsync, full_page_writes and synchronous_commit keep their default (on).
DEFAULTS: Mapping[str, str] = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",  # short statements; compiling costs more than it saves
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "checkpoint_completion_target": "0.9",
    "client_connection_check_interval": "2s",  # a statement whose client is gone stops
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_error_verbosity": "terse",  # DETAIL carries row values: Key (email)=(…)
    "log_parameter_max_length_on_error": "0",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "password_encryption": "scram-sha-256",
    "unix_socket_permissions": "0700",
    "update_process_title": "off",
    "cluster_name": "clarivum",
}
DEFAULTS_BY_VERSION: Mapping[int, Mapping[str, str]] = {18: {"io_method": "sync"}}  # no idle I/O workers on a laptop

OURS = frozenset({"port", "listen_addresses", "unix_socket_directories", "data_directory", "config_file"})
"""Settings that the server object computes; an option of that name is refused."""


def arguments(
    version: int, *, port: int, socket_directory: str, options: Mapping[str, str], listen: str = "127.0.0.1"
) -> list[str]:
    """`-c name=value` for every setting; `options` win over the defaults."""
    if taken := OURS & options.keys():
        raise ConfigurationError(f"{', '.join(sorted(taken))}: set by the embedded server, not by an option")
    settings = {
        **DEFAULTS,
        **DEFAULTS_BY_VERSION.get(version, {}),
        **options,
        "port": str(port),
        "listen_addresses": listen,
        "unix_socket_directories": socket_directory,
    }
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def initdb_arguments(version: int, *, libc_locale: str, sync: bool) -> list[str]:
    """Encoding and order of a new data directory: UTF-8, code-point order, the same on every machine.

    17 and later bring the locale C.UTF-8 themselves; before, it is the operating system's, and `libc_locale` is C where
    that has none. `sync`: have initdb call fsync for each file it wrote.
    """
    common = ["--encoding", "UTF8", "--locale", libc_locale, "--auth", "scram-sha-256", "--no-instructions"]
    synced = [] if sync else ["--no-sync"]
    builtin = ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"] if version >= 17 else []
    return [*common, *synced, *builtin]
