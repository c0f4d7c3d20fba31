"""What a newcomer does after `./clarivum up`: signs in with the stand-in, in a browser, without TLS."""

import json
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page

from clarivum.testing.browser import chromium
from clarivum.testing.waiting import until
from tests.acceptance.running import Up


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_context().new_page()


def test_the_printed_address_signs_in_with_the_stand_in(backend: Up, page: Page) -> None:
    address = next(line.split()[-1] for line in backend.printed.splitlines() if "/auth/login" in line)
    page.goto(address.replace("localhost", "127.0.0.1"))  # either name of this machine will do
    assert page.title() == "Sign in (development)"
    page.click("button[value=enter]")
    assert json.loads(page.inner_text("body"))["locale"] == "en"
    session = next(cookie for cookie in page.context.cookies() if cookie["name"] == "authjs.session-token")
    assert session["httpOnly"]
    assert session["sameSite"] == "Lax"


def test_staff_routes_ask_for_a_second_factor_and_get_it(backend: Up, page: Page) -> None:
    site = f"http://localhost:{backend.port}"
    page.goto(f"{site}/auth/login?returnTo=/api/v1/admin/leads")
    page.check("input[name=role_editor]")
    page.click("button[value=enter]")
    problem = json.loads(page.inner_text("body"))
    assert problem["code"] == "mfa_required"
    page.goto(site + problem["step_up"])
    assert page.is_checked("input[name=mfa]")
    page.check("input[name=role_editor]")
    page.click("button[value=enter]")
    assert "items" in json.loads(page.inner_text("body"))


def test_signing_out_leads_back_and_leaves_nothing(backend: Up, page: Page) -> None:
    site = f"http://localhost:{backend.port}"
    page.goto(f"{site}/auth/logout")
    page.click("#sign-out")
    page.wait_for_url(f"{site}/")
    assert [cookie["name"] for cookie in page.context.cookies() if "session" in cookie["name"]] == []


def test_the_printed_token_carries_the_second_factor_unless_told(backend: Up) -> None:
    with httpx.Client(base_url=backend.url, trust_env=False) as client:
        for arguments, status in ((("--role", "admin"), 200), (("--role", "admin", "--no-mfa"), 401)):
            token = backend.command("token", "--sub", "auth0|ada", *arguments).stdout.strip()
            answer = client.get("/api/v1/admin/leads", headers={"authorization": f"Bearer {token}"})
            assert answer.status_code == status


def test_an_operator_ends_what_was_issued(backend: Up) -> None:
    with httpx.Client(base_url=backend.url, trust_env=False) as client:
        token = backend.token("auth0|mallory", "member")
        headers = {"authorization": f"Bearer {token}"}
        assert client.get("/api/v1/profile", headers=headers).status_code == 200
        assert "auth0|mallory" in backend.command("access", "revoke", "auth0|mallory").stdout
        until(lambda: client.get("/api/v1/profile", headers=headers).status_code == 401, within_s=2)
        assert client.get("/api/v1/profile", headers=headers).json()["code"] == "invalid_token"
        assert backend.command("access", "revoke", "", check=False).returncode == 2
