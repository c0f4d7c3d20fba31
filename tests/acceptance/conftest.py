"""One running backend for the tests that only use it; those that stop or break things start their own."""

from collections.abc import Iterator

import pytest

from tests.acceptance.running import Up


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    up = Up(tmp_path_factory.mktemp("up"))
    up.start()
    try:
        yield up
    finally:
        up.stop()
