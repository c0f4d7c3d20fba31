"""The database restarts as in a crash while people use the API: it stays up, and nothing acknowledged is lost."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.acceptance.running import Up


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    up = Up(tmp_path_factory.mktemp("own"), environment={"CLARIVUM_RATE_LIMITS": "false"})
    up.start()
    try:
        yield up
    finally:
        up.stop()


def _backends(up: Up) -> list[psutil.Process]:
    """Postgres' own processes for clients; the postmaster itself is not among them."""
    postmaster = next(p for p in up.descendants() if p.name() == "postgres" and p.parent().name() != "postgres")
    return [p for p in postmaster.children() if "clarivum_api" in " ".join(p.cmdline())]


@pytest.mark.timeout(240)
def test_a_crash_of_the_database_under_load_loses_no_acknowledged_lead(own: Up) -> None:
    acknowledged: list[str] = []
    statuses: set[int] = set()
    stop = threading.Event()
    source = uuid.uuid4().hex

    def capture() -> None:
        with own.client() as visitor:
            while not stop.is_set():
                email = f"{uuid.uuid4().hex}@example.org"
                answer = visitor.post("/api/v1/leads", json={"email": email, "source": source})
                statuses.add(answer.status_code)
                if answer.status_code == 202:
                    acknowledged.append(answer.json()["id"])
                else:
                    assert answer.headers["retry-after"]

    threads = [threading.Thread(target=capture) for _ in range(4)]
    for thread in threads:
        thread.start()
    with own.client() as anyone:
        _until(lambda: len(acknowledged) > 50)
        # Killing one backend makes the postmaster end all of them and recover, as after a crash.
        os.kill(_backends(own)[0].pid, signal.SIGKILL)
        before = len(acknowledged)
        assert anyone.get("/healthz").status_code == 200
        _until(lambda: anyone.get("/readyz").status_code == 200 and len(acknowledged) > before + 50, within_s=10)
    stop.set()
    for thread in threads:
        thread.join()
    assert statuses <= {202, 503}
    assert set(acknowledged) <= _stored(own, source)
    # What the worker held when the database crashed becomes visible again after its visibility time, 60 s.
    _until(lambda: _unfinished(own) == 0, within_s=100)


def _stored(up: Up, source: str) -> set[str]:
    found: set[str] = set()
    parameters: dict[str, str | int] = {"source": source, "limit": 100}
    with up.client(up.token("auth0|erin", "editor")) as editor:
        while True:
            page = editor.get("/api/v1/admin/leads", params=parameters).json()
            found |= {item["id"] for item in page["items"]}
            if page["next"] is None:
                return found
            parameters["cursor"] = page["next"]


def _unfinished(up: Up) -> int:
    """Leads that the worker has not enriched."""
    with up.client(up.token("auth0|erin", "editor")) as editor:
        return len(editor.get("/api/v1/admin/leads", params={"status": "captured"}).json()["items"])


def _until(condition: "object", within_s: float = 15.0) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            if condition():  # type: ignore[operator]
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, f"not within {within_s} s"
