"""Test runs that were killed leave data in memory; the next run removes it, and touches nobody else's."""

import os
import tempfile
import time
from pathlib import Path

from clarivum.database.server.embedded import EmbeddedServer
from clarivum.testing.postgres import LEFT_BEHIND_S, PREFIX, TEST_OPTIONS, scratch_place, sweep

from .conftest import gone, left_behind


def test_only_what_nobody_owns_any_more_is_swept() -> None:
    long_ago = time.time() - LEFT_BEHIND_S - 60
    with tempfile.TemporaryDirectory(dir=scratch_place()) as directory:
        place = Path(directory)
        dead, living, young = (place / f"{PREFIX}{name}" for name in ("dead", "living", "young"))
        with EmbeddedServer(dead, options=TEST_OPTIONS):
            pass
        left = left_behind(dead)
        young.mkdir()
        with EmbeddedServer(living, options=TEST_OPTIONS) as owned:
            for data in (dead, living):
                os.utime(data, (long_ago, long_ago))
            sweep(place)
            assert owned.running
            assert gone(left.pid)
            assert sorted(path.name for path in place.iterdir()) == [living.name, young.name]
