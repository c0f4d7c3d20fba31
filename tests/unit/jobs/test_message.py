"""Reading messages, and the one run of a job and a key."""

from datetime import UTC, datetime
from uuid import RFC_4122

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarivum.jobs import Payload, PayloadError, Run, job
from clarivum.jobs.message import Message, NewerVersionError, read, run_id_of, window_of

ENQUEUED_AT = datetime(2026, 1, 1, tzinfo=UTC)


class Second(Payload):
    schema_version = 2
    key: str


@job(Second, name="drill.second", key="key")
async def second(payload: Second, run: Run) -> None: ...


class Hourly(Payload):
    key: str


@job(Hourly, name="drill.hourly", key="key", unique_s=3_600)
async def hourly(payload: Hourly, run: Run) -> None: ...


def message(body: str | None, **headers: str) -> Message:
    return Message("1", body, ENQUEUED_AT, 1, headers)


def test_the_run_of_a_key_is_the_same_everywhere() -> None:
    """Other languages compute it, too: SHA-256 of `job NUL key`, then version 8 and the variant."""
    assert (
        str(run_id_of("leads.enrich", "4b26c077-f3d7-4f8e-8965-cb7b5290a68f")) == "135e7d1f-78e3-8a38-b464-70f0fcb83351"
    )


def test_the_run_of_a_window_is_the_same_everywhere() -> None:
    """SHA-256 of `job NUL key NUL seconds`: computed by hand with sha256sum, then version 8 and the variant."""
    assert str(run_id_of("leads.remind", "a", 1_795_680_000)) == "97dd7e54-9e49-8888-b611-c3dd7dcb9805"
    assert run_id_of("leads.remind", "a", 0) != run_id_of("leads.remind", "a")


@pytest.mark.parametrize(
    ("at", "began"),
    [(0.0, 0), (3_599.999, 0), (3_600.0, 3_600), (1_795_680_001.5, 1_795_680_000 // 3_600 * 3_600), (-1.0, -3_600)],
)
def test_windows_are_counted_from_1970(at: float, began: int) -> None:
    assert window_of(hourly, datetime.fromtimestamp(at, UTC)) == began


@pytest.mark.parametrize(
    ("header", "due_at"),
    [
        ("2026-01-02T00:00:00+00:00", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026-01-02T02:00:00+02:00", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2025-12-31T00:00:00+00:00", ENQUEUED_AT),
        ("2026-01-02T00:00:00", ENQUEUED_AT),
        ("soon", ENQUEUED_AT),
        ("", ENQUEUED_AT),
    ],
)
def test_a_message_is_due_when_its_delay_is_over_and_not_before_it_was_enqueued(header: str, due_at: datetime) -> None:
    assert message("{}", due_at=header).due_at == due_at
    assert message("{}").due_at == ENQUEUED_AT


def test_a_job_without_windows_passes_over_the_header() -> None:
    request = read(second, message('{"key": "a"}', unique_from="not a number"))
    assert request.run_id == run_id_of("drill.second", "a")


@given(st.text(), st.text())
def test_run_ids_are_well_formed_and_differ(one: str, other: str) -> None:
    one, other = (text.encode("utf-8", "replace").decode() for text in (one, other))
    run_id = run_id_of("leads.enrich", one)
    assert (run_id.version, run_id.variant) == (8, RFC_4122)
    assert (run_id == run_id_of("leads.enrich", other)) == (one == other)
    assert run_id != run_id_of("leads.enrich2", one)


def test_the_payload_decides_which_run_it_is_not_the_headers() -> None:
    request = read(second, message('{"key": "a"}', key="forged", run_id="forged"))
    assert (request.key, request.run_id) == ("a", run_id_of("drill.second", "a"))


@pytest.mark.parametrize("headers", [{}, {"schema_version": "1"}, {"schema_version": "2", "job": "drill.second"}])
def test_versions_up_to_our_own_are_read(headers: dict[str, str]) -> None:
    assert read(second, message('{"key": "a"}', **headers)).payload == Second(key="a")


@pytest.mark.parametrize("headers", [{"schema_version": "3"}, {"job": "drill.renamed"}])
def test_what_is_newer_than_us_is_not_judged(headers: dict[str, str]) -> None:
    with pytest.raises(NewerVersionError):
        read(second, message("not even JSON", **headers))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (None, {}),
        ("", {}),
        ("{}", {}),
        ('{"key": ""}', {}),
        ('{"key": "' + "k" * 256 + '"}', {}),
        ('{"key": "a"}', {"schema_version": "two"}),
        ('{"key": "a"}', {"schema_version": "-1"}),
        ('{"key": "a"}', {"schema_version": "9" * 5_000}),
        ('{"key": "a"}', {"schema_version": "٢"}),
    ],
)
def test_what_can_never_be_understood(body: str | None, headers: dict[str, str]) -> None:
    with pytest.raises(PayloadError):
        read(second, message(body, **headers))
