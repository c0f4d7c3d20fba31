"""What proxies say of a request: believed from a trusted one, about the address alone; forged by anybody else."""

from collections.abc import Iterator

import pytest

from clarivum.testing.postgres import DatabaseUrls
from tests.integration.api.api_process import RunningApi, running_api

FORGED = {
    "forwarded": "for=203.0.113.9;host=evil.example;proto=https",
    "x-real-ip": "203.0.113.9",
    "x-client-ip": "203.0.113.9",
    "true-client-ip": "203.0.113.9",
    "cf-connecting-ip": "203.0.113.9",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "https",
    "x-forwarded-port": "1",
    "x-original-url": "/staff/role",
    "x-rewrite-url": "/staff/role",
    "x-http-method-override": "DELETE",
}


@pytest.fixture(scope="module")
def proxied(sample_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    identity = tmp_path_factory.mktemp("identity")
    with running_api(sample_urls.app, identity, CLARIVUM_TRUSTED_PROXIES="127.0.0.0/8") as api:
        yield api


def test_from_anybody_they_say_nothing(api: RunningApi) -> None:
    seen = api.client.get("/whoami", headers={**FORGED, "x-forwarded-for": "203.0.113.9"}).json()
    assert seen["address"] == "127.0.0.1"


def test_from_a_trusted_proxy_only_the_address_is_taken(proxied: RunningApi) -> None:
    assert proxied.client.get("/whoami", headers=FORGED).json()["address"] == "127.0.0.1"
    headers = {**FORGED, "x-forwarded-for": "192.0.2.1, 198.51.100.7"}
    answer = proxied.client.get("/whoami", headers=headers)
    assert answer.json()["address"] == "198.51.100.7", "the nearest one, not what the caller put before it"
    assert "evil" not in str(answer.headers) + answer.text


def test_each_address_behind_the_proxy_has_a_rate_of_its_own(proxied: RunningApi) -> None:
    def asked(address: str, times: int) -> list[int]:
        headers = {"x-forwarded-for": address}
        return [proxied.client.get("/rare", headers=headers).status_code for _ in range(times)]

    assert asked("198.51.100.1", 5) == [200, 200, 200, 429, 429]
    assert asked("203.0.113.66, 198.51.100.1", 1) == [429], "a forged hop makes no new caller"
    assert asked("198.51.100.2", 1) == [200]
