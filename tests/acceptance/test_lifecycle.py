"""`up` begins, ends and begins again, on both versions of Postgres, and leaves nothing behind."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.acceptance.running import Up


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything(tmp_path: Path, number: int) -> None:
    up = Up(tmp_path).start()
    started = up.descendants()
    assert len(started) > 4
    assert up.stop(number) == 0
    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []
    assert not (tmp_path / "up.json").exists()


def test_after_a_kill_the_next_start_finds_a_clean_house_and_the_data(tmp_path: Path) -> None:
    up = Up(tmp_path).start()
    with up.client() as visitor:
        lead = {"email": "kept@example.org", "source": "kill"}
        first = visitor.post("/api/v1/leads", json=lead).json()
    left = up.descendants()
    assert up.stop(signal.SIGKILL) == -signal.SIGKILL
    again = Up(tmp_path, port=up.port).start()
    try:
        _, alive = psutil.wait_procs(left, timeout=10)
        assert alive == []
        with again.client() as visitor:
            assert visitor.post("/api/v1/leads", json=lead).json() == first
    finally:
        again.stop()


def test_reset_begins_with_an_empty_database_but_not_unasked(tmp_path: Path) -> None:
    lead = {"email": "gone@example.org", "source": "reset"}
    up = Up(tmp_path).start()
    with up.client() as visitor:
        first = visitor.post("/api/v1/leads", json=lead).json()
    up.stop()
    with pytest.raises(AssertionError, match="--yes"):
        Up(tmp_path, ("--reset",)).start()
    again = Up(tmp_path, ("--reset", "--yes")).start()
    try:
        with again.client() as visitor:
            assert visitor.post("/api/v1/leads", json=lead).json() != first
    finally:
        again.stop()


@pytest.mark.parametrize("version", ["16", "18"])
def test_the_same_request_on_postgres_16_and_18(tmp_path: Path, version: str) -> None:
    up = Up(tmp_path, ("--postgres", version)).start()
    try:
        assert f"Postgres {version}" in up.printed
        with up.client() as visitor:
            answer = visitor.post("/api/v1/leads", json={"email": "both@example.org", "source": "version"})
            assert answer.status_code == 202
        with up.client(up.token("auth0|alice")) as member:
            items = member.get("/api/v1/entitlements").json()["items"]
        assert [item["product"] for item in items] == ["benchmarks", "insights"]
    finally:
        up.stop()


def test_a_server_given_by_database_url_is_used(tmp_path: Path) -> None:
    from clarivum.database.server.embedded import EmbeddedServer

    with EmbeddedServer(tmp_path / "elsewhere") as server:
        url = server.admin_url(tcp=True)
        up = Up(tmp_path / "data", environment={"DATABASE_URL": url}).start()
        try:
            assert not any(name.startswith("postgres-") for name in os.listdir(tmp_path / "data"))
            with up.client() as visitor:
                answer = visitor.post("/api/v1/leads", json={"email": "url@example.org", "source": "url"})
                assert answer.status_code == 202
        finally:
            up.stop()
    assert "serving as clarivum_api" in up.printed
