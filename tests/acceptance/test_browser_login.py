"""The login of our own in a real browser, against a real OpenID provider, over TLS, with two API processes."""

import re
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser

from clarivum.auth.oidc import own_path
from clarivum.errors import RequestError
from clarivum.testing.browser import chromium
from clarivum.testing.postgres import ServersForTests
from clarivum.testing.waiting import until
from tests.acceptance.login.site import AUTH_SECRET, Site, running_site
from tests.acceptance.login.visitor import ATTEMPT, CSRF, SESSION, Visitor, replay, visitor
from tests.integration.auth.front_end import running_front_end
from tests.unit.auth.oidc.test_return_to import OWN

ALICE, ADA = "auth0|alice", "auth0|ada"
ENOUGH_FOR_BOTH_PROCESSES = 12


@pytest.fixture(scope="module")
def site(postgres_servers: ServersForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with postgres_servers.database() as urls, running_site(urls, tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def person(browser: Browser, site: Site) -> Iterator[Visitor]:
    with visitor(browser, site) as person:
        yield person


# -- in and back ------------------------------------------------------------------------------------------------------
def test_a_login_ends_where_it_was_asked_to_with_a_session_no_script_can_read(person: Visitor) -> None:
    person.open("/auth/login?returnTo=/api/v1/profile%3Ffrom%3Dlogin")
    attempt = person.cookies()[ATTEMPT]
    assert (attempt["secure"], attempt["httpOnly"], attempt["sameSite"], attempt["path"]) == (True, True, "Lax", "/")
    person.enter("auth0|alice")
    assert person.page.url == person.site.url + "/api/v1/profile?from=login"
    cookies = person.cookies()
    assert ATTEMPT not in cookies
    session = cookies[SESSION]
    assert (session["secure"], session["httpOnly"], session["sameSite"], session["path"]) == (True, True, "Lax", "/")
    assert session["domain"] == "localhost"  # no Domain attribute: no other host gets it
    assert SESSION not in person.page.evaluate("document.cookie")
    assert person.fetch("/api/v1/profile")["status"] == 200


def test_the_provider_is_asked_with_state_nonce_and_pkce(person: Visitor) -> None:
    asked: list[str] = []
    person.page.on("request", lambda request: asked.append(request.url))
    for _ in range(2):
        person.open("/auth/login")
    queries = [parse_qs(urlsplit(url).query) for url in asked if "response_type" in url]
    assert len(queries) == 2
    for query in queries:
        assert query["response_type"] == ["code"]
        assert query["code_challenge_method"] == ["S256"]
        assert query["redirect_uri"] == [f"{person.site.url}/auth/callback"]
        assert set(query["scope"][0].split()) == {"openid", "profile", "email", "offline_access"}
    for name in ("state", "nonce", "code_challenge"):
        assert queries[0][name] != queries[1][name]
        assert len(queries[0][name][0]) == 43


@pytest.mark.parametrize("return_to", ["//evil.example", "/\\evil.example", "https:evil.example", "/%252Fevil.example"])
def test_nobody_is_sent_elsewhere(person: Visitor, return_to: str) -> None:
    response = person.open(f"/auth/login?{urlencode({'returnTo': return_to})}")
    assert (response.status, person.shown()["code"]) == (400, "invalid_redirect")
    assert person.page.url.startswith(person.site.url)
    assert ATTEMPT not in person.cookies()


def test_what_is_taken_for_an_own_path_is_one_to_the_browsers_own_parser(person: Visitor) -> None:
    pieces = [*"//\\.@:?#a", "..", "%2F", "%5C", "%2e", "%09", "%25", "evil.example", "https:"]
    random = Random(2026)
    made_up = {"".join(random.choices(pieces, k=random.randint(1, 6))) for _ in range(20_000)}
    taken = [text for text in sorted(made_up | {text for text, _ in OWN}) if _is_taken(text)]
    assert len(taken) > 300
    base = f"{person.site.url}/auth/callback"
    origins = person.page.evaluate("([texts, base]) => texts.map((text) => new URL(text, base).origin)", [taken, base])
    assert set(origins) == {person.site.url}


def _is_taken(text: str) -> bool:
    with suppress(RequestError):
        own_path(text)
        return True
    return False


def test_whoever_declines_is_told_so_and_nothing_of_the_providers_words(person: Visitor) -> None:
    person.open("/auth/login")
    person.page.click("button[value=decline]")
    assert "error=access_denied" in person.page.url
    problem = person.shown()
    assert (problem["status"], problem["code"]) == (403, "login_denied")
    assert "<b>" not in person.page.content()
    assert person.session() == {}


# -- what is tampered with --------------------------------------------------------------------------------------------
def with_parameters(url: str, **changes: str) -> str:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    return parts._replace(query=urlencode(query)).geturl()


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "A" * 43},
        {"state": ""},
        {"iss": "https://evil.example/"},
        {"code": "B" * 43},
        {"code": ""},
        {"error": "<script>alert(1)</script>"},
    ],
    ids=["state", "no state", "issuer", "code", "no code", "error"],
)
def test_a_callback_that_was_tampered_with_is_refused(person: Visitor, changes: dict[str, str]) -> None:
    person.on_callback(lambda url: with_parameters(url, **changes))
    person.open("/auth/login")
    person.enter()
    problem = person.shown()
    assert (problem["status"], problem["code"]) == (400, "login_failed")
    assert "script" not in person.page.content()
    assert person.session() == {}


def test_a_callback_is_answered_once(person: Visitor) -> None:
    callbacks: list[str] = []
    person.page.on("request", lambda request: callbacks.append(request.url))
    person.open("/auth/login")
    attempt = person.context.cookies(person.site.url)
    person.enter()
    callback = next(url for url in callbacks if "/auth/callback?" in url)
    first = person.session()
    for cookies in ([], attempt):  # the link alone, and with the cookie of its attempt
        person.context.add_cookies(cookies)  # type: ignore[arg-type]
        person.page.goto(callback)
        assert (person.shown()["status"], person.shown()["code"]) == (400, "login_failed")
    assert person.session() == first


def test_another_browsers_login_cannot_be_completed_here(browser: Browser, person: Visitor, site: Site) -> None:
    stopped: list[str] = []
    with visitor(browser, site) as attacker:
        attacker.on_callback(stopped.append)
        attacker.open("/auth/login")
        attacker.page.click("button[value=enter]", no_wait_after=True)
        until(lambda: bool(attacker.page.wait_for_timeout(20) or stopped))
    person.open("/auth/login")
    person.page.goto(stopped[0])
    assert person.shown()["code"] == "login_failed"
    assert person.session() == {}
    assert ATTEMPT in person.cookies()  # one's own login, under way, is not lost


# -- changes made with the cookie -------------------------------------------------------------------------------------
def change(name: str, revision: int, **headers: str) -> dict[str, object]:
    sent = {"content-type": "application/json", "if-match": f'"{revision}"', **headers}
    return {"method": "PATCH", "headers": sent, "body": f'{{"display_name": "{name}"}}'}


def test_a_change_needs_our_page_and_its_token(person: Visitor) -> None:
    person.sign_in("auth0|carol")
    revision = person.shown()["revision"]
    without = person.fetch("/api/v1/profile", **change("No token", revision))
    assert (without["status"], without["body"]["code"]) == (403, "csrf_failed")
    token = person.csrf_token()
    made_up = person.fetch("/api/v1/profile", **change("Made up", revision, **{"x-csrf-token": token[:-1] + "_"}))
    assert (made_up["status"], made_up["body"]["code"]) == (403, "csrf_failed")
    with_it = person.fetch("/api/v1/profile", **change("Carol", revision, **{"x-csrf-token": token}))
    assert (with_it["status"], with_it["body"]["display_name"]) == (200, "Carol")
    assert person.cookies()[CSRF]["secure"]


def test_a_page_of_another_origin_changes_nothing(person: Visitor) -> None:
    """Another port of localhost is the same site, so the browser sends the cookie: Origin alone tells them apart."""
    person.sign_in("auth0|dave")
    token = person.csrf_token()
    refused = person.site.answered("POST", "/auth/logout", 403)
    person.page.goto(f"{person.site.other_origin}/prize")
    for body in ("", f"x-csrf-token={token}"):
        options = {"method": "POST", "mode": "no-cors", "credentials": "include", "body": body}
        person.page.evaluate(
            "([url, options]) => fetch(url, options).catch(() => 0)", [f"{person.site.url}/auth/logout", options]
        )
    readable = person.page.evaluate(
        "url => fetch(url, {credentials: 'include'}).then(() => true, () => false)", f"{person.site.url}/api/v1/profile"
    )
    assert not readable
    with person.page.expect_navigation(url=f"{person.site.url}/auth/logout"):
        person.page.evaluate(
            "url => { const form = document.createElement('form'); form.method = 'post'; form.action = url; "
            "document.body.append(form); form.submit() }",
            f"{person.site.url}/auth/logout",
        )
    until(lambda: person.site.answered("POST", "/auth/logout", 403) == refused + 3)
    assert person.site.log.read_text().count("Origin is not allowed") == 3  # and not for want of a token
    assert person.open("/api/v1/profile").status == 200


# -- a second factor --------------------------------------------------------------------------------------------------
def test_staff_step_up_to_a_second_factor_and_the_session_from_before_ends(person: Visitor) -> None:
    person.sign_in(ADA)
    before = person.session()
    refused = person.open("/api/v1/admin/leads")
    problem = person.shown()
    assert (refused.status, problem["code"]) == (401, "mfa_required")
    assert 'error="insufficient_user_authentication"' in refused.headers["www-authenticate"]
    person.open(problem["step_up"])
    person.enter(ADA, code="123456")
    assert person.page.url == f"{person.site.url}/api/v1/admin/leads"
    assert person.shown()["items"] == []
    assert person.session() != before
    until(lambda: replay(person.site, before).status_code == 401, within_s=2)
    assert replay(person.site, before).json()["code"] == "invalid_session"


def test_a_second_factor_that_was_not_given_is_noticed(person: Visitor) -> None:
    person.sign_in(ADA)
    before = person.session()
    person.open("/auth/login?mfa=1&returnTo=/api/v1/admin/leads")
    person.enter(ADA, code="000000")
    assert person.shown()["code"] == "mfa_required"
    assert person.session() == before


# -- out --------------------------------------------------------------------------------------------------------------
def test_signing_out_ends_every_session_everywhere(browser: Browser, person: Visitor, site: Site) -> None:
    with visitor(browser, site) as elsewhere:
        for each in (person, elsewhere):
            each.sign_in("auth0|frank")
        stolen = elsewhere.session()
        assert replay(site, stolen).status_code == 200
        person.open("/auth/logout")
        with person.page.expect_navigation(url=re.compile(r"/session/end\?")):
            person.page.click("#sign-out")
        person.page.click("button[value=yes]")
        person.page.wait_for_url(f"{site.url}/")
        assert person.session() == {}
        until(lambda: elsewhere.open("/api/v1/profile").status == 401, within_s=2)  # told to the other process
        assert elsewhere.shown()["code"] == "invalid_session"
        for _ in range(ENOUGH_FOR_BOTH_PROCESSES):  # a connection each: both processes know
            assert replay(site, stolen).status_code == 401


def test_whose_session_nothing_proves_any_more_is_told_what_was_not_ended(person: Visitor) -> None:
    person.sign_in("auth0|judy")
    person.open("/auth/logout")
    person.context.clear_cookies()
    person.page.click("#sign-out")
    person.page.wait_for_selector("#outcome a")
    assert person.page.inner_text("#outcome").startswith("This browser is signed out. Its session was over")
    onward = person.page.get_attribute("#outcome a", "href")
    assert onward is not None
    assert onward.startswith(f"{person.site.provider.issuer}session/end?")


def test_a_front_end_with_auth_js_shares_the_session_and_its_end(person: Visitor, site: Site) -> None:
    person.sign_in("auth0|ivan")
    value = "".join(person.session().values())
    with running_front_end() as front_end:
        token = front_end.result(format="authjs", act="open", name=SESSION, value=value, secret=AUTH_SECRET)
        assert (token["sub"], token["name"], token["email"]) == ("auth0|ivan", "ivan", "ivan@example.com")
        # What Auth.js does whenever its session is asked for: the same claims, sealed anew for as long as it likes.
        theirs = dict(front_end.cookies("authjs", SESSION, token, secret=AUTH_SECRET, maxAge=30 * 86_400))
    assert theirs != person.session()
    assert replay(site, theirs).status_code == 200
    answer = person.fetch("/auth/logout", method="POST", headers={"x-csrf-token": person.csrf_token()})
    assert answer["status"] == 200
    until(lambda: {replay(site, theirs).status_code for _ in range(ENOUGH_FOR_BOTH_PROCESSES)} == {401}, within_s=5)


def test_whoever_signed_out_may_come_back(person: Visitor) -> None:
    person.sign_in("auth0|grace")
    answer = person.fetch("/auth/logout", method="POST", headers={"x-csrf-token": person.csrf_token()})
    assert answer["status"] == 200
    assert answer["body"]["location"].startswith(f"{person.site.provider.issuer}session/end?")
    assert person.session() == {}
    until(lambda: _comes_back(person))


def _comes_back(person: Visitor) -> bool:
    """Whether the session of a new login is good. Tokens say in whole seconds when they were issued, so that those of
    the second of the logout are refused with the others.
    """
    person.context.clear_cookies()
    person.open("/auth/login?returnTo=/api/v1/profile")
    person.enter("auth0|grace")
    return "display_name" in person.page.inner_text("body")


# -- sessions that go on ----------------------------------------------------------------------------------------------
def test_an_access_token_near_its_end_is_renewed_once_however_many_ask(person: Visitor, site: Site) -> None:
    provider = site.provider
    provider.set_access_token_ttl_s(3)
    try:
        person.sign_in("auth0|heidi")
        first = person.session()
        provider.set_access_token_ttl_s(600)
        refreshes = provider.count(granted="refresh_token")
        # All in one moment, again and again, until the moment is one in which the token is near its end.
        person.open_page_with_scripts()
        eight_at_once = "() => Promise.all([...Array(8)].map(() => fetch('/api/v1/profile').then((a) => a.status)))"
        until(
            lambda: (
                set(person.page.evaluate(eight_at_once)) == {200}
                and provider.count(granted="refresh_token") > refreshes
            )
        )
        person.page.evaluate(eight_at_once)
        assert provider.count(granted="refresh_token") == refreshes + 1
        second = person.session()
        assert second != first
        assert replay(site, first).status_code == 200  # a request that was under way with the old cookie
        assert provider.count(granted="refresh_token") == refreshes + 1
    finally:
        provider.set_access_token_ttl_s(600)
    _a_refresh_token_that_was_spent_ends_the_session(site, first, second)


def _a_refresh_token_that_was_spent_ends_the_session(site: Site, old: dict[str, str], new: dict[str, str]) -> None:
    with psycopg.connect(site.urls.admin, autocommit=True) as admin:
        admin.execute("delete from clarivum.session_refreshes")  # what minutes do by themselves
    assert replay(site, new).status_code == 200
    refused: httpx.Response = replay(site, old)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_session")
    assert {"refused": "refresh_token", "error": "invalid_grant"} in site.provider.events
    # Somebody has a copy: nobody goes on with it.
    until(lambda: {replay(site, new).status_code for _ in range(ENOUGH_FOR_BOTH_PROCESSES)} == {401}, within_s=5)


# -- last: what the log of all this says ------------------------------------------------------------------------------
def test_no_token_and_no_address_is_in_the_log(site: Site) -> None:
    log = site.log.read_text()
    assert '"route":"/auth/callback"' in log
    assert not re.search(r"eyJ[A-Za-z0-9_-]{20,}", log)
    assert "@example.com" not in log
    named = [line for line in log.splitlines() if "auth0|" in line]
    assert all('"logger":"clarivum.audit"' in line for line in named)  # who did what is the audit's to say
    assert '"status":500' not in log


def test_who_came_in_and_who_was_not_let_in_is_in_the_audit(site: Site) -> None:
    def told() -> set[tuple[str, str, str | None]]:
        with psycopg.connect(site.urls.admin) as admin:
            rows = admin.execute("select kind, reason, subject from clarivum.audit_events").fetchall()
        return {(kind, reason, subject) for kind, reason, subject in rows}

    wanted = {
        ("sign_in", "signed_in", "auth0|alice"),
        ("sign_in", "login_denied", None),
        ("sign_in", "login_failed", None),
    }
    until(lambda: wanted <= told(), within_s=10)  # what is refused is written within seconds
    assert not re.search(r"eyJ[A-Za-z0-9_-]{20,}|@example\.com", str(told()))
