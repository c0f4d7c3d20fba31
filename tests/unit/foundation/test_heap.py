"""Imports that the garbage collector does not look at."""

import gc
import subprocess
import sys

import pytest

from clarivum.heap import permanent


def test_nothing_is_collected_inside_and_what_is_there_at_the_end_is_kept_out_of_sight() -> None:
    before = gc.get_freeze_count()
    with permanent():
        assert not gc.isenabled()
        made = [[number] for number in range(10_000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(made)
    gc.unfreeze()


def test_a_failed_import_leaves_the_collector_on() -> None:
    with pytest.raises(ImportError), permanent():
        raise ImportError("no such module")
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with permanent():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_a_lambda_function_loads_is_kept_out_of_sight() -> None:
    ask = "import clarivum.jobs.lambda_handler, gc; print(gc.get_freeze_count(), gc.isenabled())"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    kept, collects = done.stdout.split()
    assert int(kept) > 20_000
    assert collects == "True"
