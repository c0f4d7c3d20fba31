"""One issuer's key for the folder, and one person's session for those tests that ask for it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from clarivum.auth.cookies import SessionCookies
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.auth.session_world import SECRET, TokenEndpoint, World
from tests.unit.auth.forge import Forge, TurnedClock
from tests.unit.auth.issuer_fixtures import forge

__all__ = ["forge", "world"]


@pytest.fixture
async def world(forge: Forge, database_urls: DatabaseUrls) -> AsyncIterator[World]:
    clock = TurnedClock()
    async with AsyncExitStack() as stack:
        cookies = SessionCookies([SECRET], secure=True)
        yield World(forge, clock, TokenEndpoint(forge, clock), database_urls, cookies, stack)
