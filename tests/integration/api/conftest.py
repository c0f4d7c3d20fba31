"""One API for the folder, over a database with the sample application's table."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from clarivum.testing.postgres import DatabaseUrls, ServersForTests
from tests.integration.api.api_process import RunningApi, running_api
from tests.integration.api.sample import WORLD


@pytest.fixture(scope="module")
def sample_urls(postgres_servers: ServersForTests) -> Iterator[DatabaseUrls]:
    with postgres_servers.database() as urls:
        with psycopg.connect(urls.admin, autocommit=True) as connection:
            connection.execute(WORLD)
        yield urls


@pytest.fixture(scope="module")
def api(sample_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    data: Path = tmp_path_factory.mktemp("identity")
    with running_api(sample_urls.app, data, CLARIVUM_RECEIVE_TIMEOUT_S="2") as api:
        yield api
