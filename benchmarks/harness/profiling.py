"""Where a server's own time goes: py-spy samples it from outside while it serves, C frames included.

py-spy comes with the Python peers. A sample counts for the layer of the innermost frame that belongs to one, so a
`send` in the C library counts for libpq when libpq called it.
"""

import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.harness.load import LoadError
from benchmarks.harness.peers import PythonPeers, Unavailable, install_python_peers
from benchmarks.harness.results import Layer

SAMPLES_A_SECOND = 250
TOP = 3
# The first pattern that occurs in a frame names its layer; frames that match none belong to their caller.
LAYERS = (
    ("libpq and its socket", ("libpq", "psycopg")),
    ("telemetry", ("clarivum/telemetry/", "opentelemetry", "structlog")),
    ("auth", ("clarivum/auth/",)),
    ("database", ("clarivum/database/",)),
    ("contract (pydantic, JSON)", ("pydantic", "orjson", "json/", "clarivum/api/contract")),
    ("api", ("clarivum/api/", "litestar")),
    ("application", ("bff/",)),
    ("HTTP parser", ("httptools",)),
    ("HTTP server", ("uvicorn",)),
    ("event loop", ("uvloop", "asyncio/", "libuv")),
)
OTHER = "interpreter and the rest"


def profile(pid: int, load: Callable[[], object], data: Path, seconds: float) -> tuple[Layer, ...]:
    """Sample process `pid` for `seconds` while `load` runs in this thread. Raises LoadError when py-spy cannot."""
    peers = install_python_peers(data)
    if isinstance(peers, Unavailable):
        raise LoadError(f"no profile: {peers.reason}")
    file = data / "bench" / "profile.txt"
    file.unlink(missing_ok=True)
    failure: list[str] = []
    sampler = threading.Thread(target=_sample, args=(peers, pid, seconds, file, failure))
    sampler.start()
    load()
    sampler.join()
    if failure:
        raise LoadError(f"no profile: {failure[0]}")
    return layers(file.read_text().splitlines())


def layers(stacks: Iterable[str]) -> tuple[Layer, ...]:
    """Collapsed stacks (`outer;…;inner count`) as shares of all samples, largest first."""
    by_layer: Counter[str] = Counter()
    functions: dict[str, Counter[str]] = {}
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        if not stack:
            continue
        layer, function = attribute(stack.split(";"))
        by_layer[layer] += int(count)
        functions.setdefault(layer, Counter())[function] += int(count)
    total = by_layer.total() or 1
    return tuple(
        Layer(
            name=name,
            share=samples / total,
            top=tuple((function, number / total) for function, number in functions[name].most_common(TOP)),
        )
        for name, samples in by_layer.most_common()
    )


def attribute(frames: list[str]) -> tuple[str, str]:
    """The layer of a stack (outermost frame first), and the function there that the time counts for."""
    for frame in reversed(frames):
        for layer, patterns in LAYERS:
            if any(pattern in frame for pattern in patterns):
                return layer, short(frame)
    return OTHER, short(frames[-1])


def short(frame: str) -> str:
    """`function (path/to/file.py:12)` as `file.function`, a C frame by its own name."""
    function, _, place = frame.partition(" (")
    file = place.rstrip(")").rpartition(":")[0] or place.rstrip(")")
    return f"{Path(file).stem}.{function}" if file.endswith(".py") else function


def _sample(peers: PythonPeers, pid: int, seconds: float, file: Path, failure: list[str]) -> None:
    command = [str(peers.program("py-spy")), "record", "--pid", str(pid), "--duration", str(int(seconds))]
    command += [
        "--rate",
        str(SAMPLES_A_SECOND),
        "--format",
        "raw",
        "--native",
        "--full-filenames",
        "--output",
        str(file),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds + 60, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        failure.append(str(error))
        return
    if done.returncode or not file.is_file():
        failure.append(f"py-spy ended with code {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
