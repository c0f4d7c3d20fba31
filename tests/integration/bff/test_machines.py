"""A machine, a client with credentials of its own: let in where a route names a scope, and nowhere else."""

import pytest

from tests.integration.bff.conftest import Backend

LEADS = "/api/v1/admin/leads"


def machine(backend: Backend, *scopes: str, roles: tuple[str, ...] = ("editor",)) -> dict[str, str]:
    return {"authorization": f"Bearer {backend.stand_in.issue_to_machine('crm', scopes=scopes, roles=roles)}"}


async def test_a_machine_with_role_and_scope_reads_leads(backend: Backend) -> None:
    lead = {"email": "lead@example.org", "source": "footer"}
    assert (await backend.client.post("/api/v1/leads", json=lead)).status_code == 202
    answer = await backend.client.get(LEADS, headers=machine(backend, "write:leads", "read:leads"))
    assert (answer.status_code, [item["email"] for item in answer.json()["items"]]) == (200, ["lead@example.org"])


async def test_without_the_scope_the_answer_names_it(backend: Backend) -> None:
    refused = await backend.client.get(LEADS, headers=machine(backend, "read:lead"))
    assert (refused.status_code, refused.json()["code"], refused.json()["scope"]) == (
        403,
        "insufficient_scope",
        "read:leads",
    )
    assert refused.headers["www-authenticate"] == (
        'Bearer realm="clarivum", error="insufficient_scope", scope="read:leads"'
    )
    without_role = await backend.client.get(LEADS, headers=machine(backend, "read:leads", roles=()))
    assert (without_role.status_code, without_role.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/v1/admin/purchases"), ("GET", "/api/v1/me/export"), ("DELETE", "/api/v1/me")]
)
async def test_a_route_that_names_no_scope_is_closed_to_machines(backend: Backend, method: str, path: str) -> None:
    caller = machine(backend, "read:leads", "read:purchases", roles=("member", "editor", "admin"))
    refused = await backend.client.request(method, path, headers=caller)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
