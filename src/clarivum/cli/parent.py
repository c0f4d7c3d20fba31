"""Ending with one's parent: so that a SIGKILL of `up` leaves no process behind."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Have the kernel send this process SIGTERM when `parent` ends, however it ends.

    Linux only; elsewhere the next start of `up` ends what it finds (see `leftovers.py`). Ends this process at once when
    the parent is already gone.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)
