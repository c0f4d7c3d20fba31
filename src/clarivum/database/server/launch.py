"""Become the account that runs Postgres, then exec it. Run as a script of its own: `python -I -S launch.py …`.

Three things must happen between fork and exec, in the child, on Linux:

1. Postgres refuses to run as root, so a root parent becomes an ordinary account for the Postgres binaries only.
2. A clean clone often lies in a directory with mode 0700 that belongs to root (`mktemp -d`). The account could then
   not even reach the binaries. Postgres looks at geteuid() alone, so one capability, the one to search and read
   directories, may be kept: it is raised into the ambient set, the only one that survives exec of a plain binary.
   SECBIT_NO_SETUID_FIXUP makes it count for access(2) too, with which Postgres' programs look for each other.
3. The server must not outlive the process that started it: PR_SET_PDEATHSIG delivers SIGINT (Postgres' fast
   shutdown) when the starting *thread* ends. The kernel clears it on a change of credentials, so it is set last.

Numbers are those of <linux/prctl.h> and <linux/capability.h>; the layouts are stable kernel interface.
"""

import ctypes
import os
import signal
import struct
import sys

PR_SET_PDEATHSIG = 1
PR_GET_SECUREBITS = 27
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522


def main(arguments: list[str]) -> None:
    """`arguments`: parent pid (0: outlive it), uid (-1: keep ours), gid, capability (-1: none), program, its own."""
    parent, uid, gid, capability = (int(text) for text in arguments[:4])
    program = arguments[4]
    if uid >= 0:
        try:
            become(uid, gid, capability)
        except OSError as error:
            raise SystemExit(
                f"this process may not become uid {uid} to run Postgres ({error}); run it as an ordinary user"
            ) from None
    if sys.platform == "linux" and parent > 0:
        _prctl(PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # it died before the line above took effect
            raise SystemExit("the process that started Postgres has ended")
    os.execv(program, arguments[4:])  # noqa: S606  no shell is wanted


def become(uid: int, gid: int, capability: int) -> None:
    """Give up root for good; keep `capability`, if not negative, across the next exec."""
    os.chdir("/")
    os.umask(0o077)
    os.setgroups([])
    if capability >= 0:
        _prctl(PR_SET_SECUREBITS, _prctl(PR_GET_SECUREBITS) | SECBIT_NO_SETUID_FIXUP)
    os.setgid(gid)  # of root: real, effective and saved
    os.setuid(uid)
    if capability >= 0:
        _capset(capability)
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, *values: int) -> int:
    padded = [*values, 0, 0, 0, 0][:4]
    result: int = _libc().prctl(option, *(ctypes.c_ulong(value) for value in padded))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"prctl({option})")
    return result


def _capset(capability: int) -> None:
    """Effective, permitted and inheritable become exactly `{capability}`."""
    words = [0, 0]
    words[capability // 32] = 1 << (capability % 32)
    header = ctypes.create_string_buffer(struct.pack("=Ii", CAPABILITY_VERSION_3, 0))
    data = ctypes.create_string_buffer(struct.pack("=6I", *(word for mask in words for word in (mask, mask, mask))))
    if _libc().capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")


if __name__ == "__main__":
    main(sys.argv[1:])
