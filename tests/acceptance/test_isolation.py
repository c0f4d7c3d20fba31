"""Two members on two connections, thousands of interleaved requests, many given up half-way: no foreign row, ever."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.running import Up

REQUESTS = 3_000
IN_FLIGHT = 24
GIVEN_UP = 0.2


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A backend whose reads and transactions have one connection each."""
    environment = {
        "CLARIVUM_DATABASE_PIPELINES": "1",
        "CLARIVUM_DATABASE_CONNECTIONS": "1",
        "CLARIVUM_RATE_LIMITS": "false",
    }
    up = Up(tmp_path_factory.mktemp("narrow"), environment=environment)
    up.start()
    try:
        yield up
    finally:
        up.stop()


def _grant(up: Up, subjects: list[str]) -> None:
    with up.client(up.token("auth0|ada", "admin")) as admin:
        for subject in subjects:
            for _ in range(3):
                answer = admin.post("/api/v1/admin/entitlements", json={"subject": subject, "product": subject})
                answer.raise_for_status()


async def _ask(client: httpx.AsyncClient, subject: str, dice: random.Random) -> str:
    """One read or one change; with some luck given up after a moment. Returns what came of it."""
    write = dice.random() < 0.2
    wait_s = dice.uniform(0.0005, 0.01) if dice.random() < GIVEN_UP else 10.0
    try:
        async with asyncio.timeout(wait_s):
            if write:
                answer = await client.patch(
                    "/api/v1/profile", json={"display_name": subject}, headers={"if-match": f'"{dice.randint(1, 40)}"'}
                )
                if answer.status_code == 200:
                    assert answer.json()["display_name"] == subject
            else:
                answer = await client.get("/api/v1/entitlements", params={"limit": dice.randint(1, 10)})
                if answer.status_code == 200:
                    assert {item["product"] for item in answer.json()["items"]} == {subject}
            return str(answer.status_code)
    except TimeoutError:
        return "given up"


async def _storm(up: Up, tokens: dict[str, str], seed: int) -> Counter[str]:
    dice = random.Random(seed)
    outcomes: Counter[str] = Counter()
    left = REQUESTS

    async def caller(subject: str) -> None:
        nonlocal left
        headers = {"authorization": f"Bearer {tokens[subject]}"}
        async with httpx.AsyncClient(base_url=up.url, headers=headers) as client:
            while left > 0:
                left -= 1
                outcomes[await _ask(client, subject, dice)] += 1

    subjects = list(tokens)
    async with asyncio.TaskGroup() as group:
        for number in range(IN_FLIGHT):
            group.create_task(caller(subjects[number % len(subjects)]))
    return outcomes


async def test_two_members_never_see_each_others_rows(narrow: Up) -> None:
    subjects = [f"auth0|{uuid.uuid4().hex}" for _ in range(2)]
    _grant(narrow, subjects)
    tokens = {subject: narrow.token(subject) for subject in subjects}
    for subject in subjects:
        with narrow.client(tokens[subject]) as member:
            member.get("/api/v1/profile").raise_for_status()
    outcomes = await _storm(narrow, tokens, seed=20_261_123)
    assert outcomes["given up"] > REQUESTS * GIVEN_UP / 10, outcomes
    assert outcomes["200"] > REQUESTS / 2, outcomes
    assert set(outcomes) <= {"200", "412", "503", "given up"}, outcomes


def test_the_backend_is_whole_afterwards(narrow: Up) -> None:
    with narrow.client() as anyone:
        assert anyone.get("/readyz").status_code == 200
    assert Path(narrow.data / "logs" / "api.log").read_text().count("Traceback") == 0
