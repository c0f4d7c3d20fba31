"""Where a server's own time goes: py-spy samples it from outside while it serves, C frames included.

py-spy comes with the Python peers. Only the event loop's thread is sampled into layers; what other threads use is read
from the kernel's own accounts, so that one which merely waits counts for nothing.
"""

import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import psutil

from benchmarks.harness.load import LoadError
from benchmarks.harness.peers import PythonPeers, Unavailable, install_python_peers
from benchmarks.harness.results import Layer

SAMPLES_A_SECOND = 250
TOP = 3
MAIN_THREAD = "_run_module_as_main"
EPOLL = frozenset({"epoll_wait", "epoll_pwait"})
SYSTEM_CALLS = frozenset(
    {"read", "write", "writev", "send", "sendto", "sendmsg", "recv", "recvfrom", "recvmsg", "poll"}
)
LIBPQ = ("libpq", "psycopg")
# The innermost frame in which a pattern occurs names the layer; frames that match none belong to their caller.
LAYERS = (
    ("libpq", LIBPQ),
    ("telemetry", ("clarivum/telemetry/", "opentelemetry", "structlog")),
    ("auth", ("clarivum/auth/",)),
    ("database", ("clarivum/database/",)),
    ("contract: pydantic, JSON", ("pydantic", "orjson", "/json/", "clarivum/api/contract")),
    ("jobs", ("clarivum/jobs/",)),
    ("api", ("clarivum/api/", "litestar")),
    ("application", ("/bff/", "benchmarks/")),
    ("HTTP parser", ("httptools",)),
    ("uvicorn", ("uvicorn",)),
    ("event loop", ("uvloop", "asyncio", "libuv")),
)
OTHER = "interpreter"


def profile(pid: int, load: Callable[[], object], data: Path, seconds: float) -> tuple[Layer, ...]:
    """Sample process `pid` for `seconds` while `load` runs in this thread. Raises LoadError when py-spy cannot."""
    peers = install_python_peers(data)
    if isinstance(peers, Unavailable):
        raise LoadError(f"no profile: {peers.reason}")
    file = data / "bench" / "profile.txt"
    file.unlink(missing_ok=True)
    failure: list[str] = []
    sampler = threading.Thread(target=_sample, args=(peers, pid, seconds, file, failure))
    before = _thread_seconds(pid)
    sampler.start()
    load()
    spent = {thread: after - before.get(thread, 0.0) for thread, after in _thread_seconds(pid).items()}
    sampler.join()
    if failure:
        raise LoadError(f"no profile: {failure[0]}")
    total = sum(spent.values()) or 1.0
    return layers(file.read_text().splitlines(), spent.get(pid, total) / total)


def layers(stacks: Iterable[str], main_share: float = 1.0) -> tuple[Layer, ...]:
    """Collapsed stacks (`outer;…;inner count`) as shares of the process's CPU time, largest first.

    `main_share`: how much of it the event loop's thread used; the rest appears as one layer.
    """
    by_layer: Counter[str] = Counter()
    functions: dict[str, Counter[str]] = {}
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        if MAIN_THREAD not in stack:
            continue
        layer, function = attribute(stack.split(";"))
        by_layer[layer] += int(count)
        functions.setdefault(layer, Counter())[function] += int(count)
    scale = main_share / (by_layer.total() or 1)
    found = [
        Layer(
            name=name,
            share=samples * scale,
            top=tuple((function, number * scale) for function, number in functions[name].most_common(TOP)),
        )
        for name, samples in by_layer.items()
    ]
    if main_share < 1:
        found.append(Layer(name="other threads (log writer, exporters)", share=1 - main_share, top=()))
    return tuple(sorted(found, key=lambda layer: -layer.share))


def attribute(frames: Sequence[str]) -> tuple[str, str]:
    """The layer of a stack (outermost frame first), and the innermost Python function in it."""
    function = next((short(frame) for frame in reversed(frames) if ".py:" in frame), short(frames[-1]))
    call = "" if ".py:" in frames[-1] else frames[-1].partition(" (")[0].lstrip("_")
    if call in EPOLL:
        return "epoll", function
    if call in SYSTEM_CALLS:
        database = any(pattern in frame for frame in frames for pattern in LIBPQ) or "clarivum/database/" in frames[-2]
        return ("database socket" if database else "client socket"), function
    for frame in reversed(frames):
        for layer, patterns in LAYERS:
            if any(pattern in frame for pattern in patterns):
                return layer, function
    return OTHER, function


def short(frame: str) -> str:
    """`function (path/to/file.py:12)` as `file.function`; a C frame by its own name."""
    function, _, place = frame.partition(" (")
    file = place.rstrip(")").rpartition(":")[0] or place.rstrip(")")
    return f"{Path(file).stem}.{function.replace('.<locals>', '')}" if file.endswith(".py") else function


def _sample(peers: PythonPeers, pid: int, seconds: float, file: Path, failure: list[str]) -> None:
    command = [str(peers.program("py-spy")), "record", "--pid", str(pid), "--duration", str(int(seconds))]
    command += ["--rate", str(SAMPLES_A_SECOND), "--format", "raw", "--native", "--full-filenames"]
    command += ["--output", str(file)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds + 60, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        failure.append(str(error))
        return
    if done.returncode or not file.is_file():
        failure.append(f"py-spy ended with code {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")


def _thread_seconds(pid: int) -> dict[int, float]:
    """CPU seconds of every thread so far; the main thread has the process's id."""
    return {thread.id: thread.user_time + thread.system_time for thread in psutil.Process(pid).threads()}
