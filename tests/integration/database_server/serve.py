"""A process that owns an embedded server: starts it, says so in a line of JSON, stops it when its standard input ends.

    serve.py DATA VERSION [SITE [RESTRICTION…]]

SITE is a directory to import the Postgres binaries from. A restriction is `drop:<capability>` or `no-ambient`; it takes
effect by executing this file again without it.
"""

import ctypes
import json
import os
import sys
from pathlib import Path

PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
SECBIT_NO_CAP_AMBIENT_RAISE = 1 << 6


def restrict(restriction: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if restriction == "no-ambient":
        done = libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE, 0, 0, 0)
    else:
        done = libc.prctl(PR_CAPBSET_DROP, int(restriction.removeprefix("drop:")), 0, 0, 0)
    if done != 0:
        raise OSError(ctypes.get_errno(), restriction)


def main() -> None:
    data, version, *more = sys.argv[1:]
    if len(more) > 1:
        for restriction in more[1:]:
            restrict(restriction)
        os.execv(sys.executable, [sys.executable, __file__, data, version, more[0]])
    if more:
        sys.path.insert(0, more[0])
    from clarivum.database.server.embedded import EmbeddedServer
    from clarivum.errors import ClarivumError

    server = EmbeddedServer(Path(data), int(version), options={"fsync": "off"})
    try:
        server.start()
    except ClarivumError as error:
        print(json.dumps({"error": type(error).__name__, "detail": error.detail}), flush=True)
        return
    status = Path(f"/proc/{server.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    facts = {
        "pid": server.pid,
        "uid": int(fields["Uid"].split()[0]),
        "capabilities": int(fields["CapEff"], 16),
        "cluster": str(server.cluster),
        "admin_url": server.admin_url(),
        "tcp_url": server.admin_url(tcp=True),
    }
    print(json.dumps(facts), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
