"""Which layer a sampled stack counts for."""

import pytest

from benchmarks.harness.profiling import attribute, layers, short

MAIN = "_run_module_as_main (<frozen runpy>:198)"
LOOP = "run_forever (/project/uvloop/loop.c:33192)"
API = "Endpoint._act (/app/src/clarivum/api/endpoint.py:139)"
WIRE = "Wire._flush (/app/src/clarivum/database/wire/connection.py:150)"


@pytest.mark.parametrize(
    ("frames", "layer", "function"),
    [
        ([LOOP, API], "api", "endpoint.Endpoint._act"),
        ([LOOP, API, "unicode_decode (libpython3.so)"], "api", "endpoint.Endpoint._act"),
        ([LOOP, WIRE, "0x7f (/x/psycopg_binary/pq.so)"], "libpq", "connection.Wire._flush"),
        ([LOOP, WIRE, "0x7f (/x/libpq.so)", "__send (libc.so.6)"], "database socket", "connection.Wire._flush"),
        ([LOOP, WIRE, "send (libc.so.6)"], "database socket", "connection.Wire._flush"),
        ([LOOP, API, "uv_try_write (/x/libuv)", "write (libc.so.6)"], "client socket", "endpoint.Endpoint._act"),
        ([LOOP, "uv__io_poll (/x/libuv)", "epoll_pwait (libc.so.6)"], "epoll", "epoll_pwait"),
        (["main (/usr/bin/python3)"], "interpreter", "main"),
        ([LOOP, "read (/app/src/clarivum/jobs/message.py:55)"], "jobs", "message.read"),
    ],
)
def test_the_innermost_frame_with_a_layer_decides(frames: list[str], layer: str, function: str) -> None:
    assert attribute(frames) == (layer, function)


def test_threads_that_wait_count_for_nothing_and_the_others_for_their_cpu_time() -> None:
    stacks = [
        f"{MAIN};{LOOP};{API} 60",
        f"{MAIN};{LOOP};{WIRE} 20",
        "_bootstrap (threading.py:1002);wait (threading.py:331);futex (libc.so.6) 1000",
    ]
    found = {layer.name: layer.share for layer in layers(stacks, main_share=0.8)}
    assert found == {
        "api": pytest.approx(0.6),
        "database": pytest.approx(0.2),
        "other threads (log writer, exporters)": pytest.approx(0.2),
    }


def test_nothing_sampled_is_no_layer() -> None:
    assert layers([]) == ()


def test_a_function_is_named_by_its_file() -> None:
    assert short("RowDecoder.rows.<locals>.<listcomp> (/a/decode.py:72)") == "decode.RowDecoder.rows.<listcomp>"
    assert short("uv_run (/x/core.c:452)") == "uv_run"
