"""A person with a browser of their own: what they click, and what their pages may ask of the API."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, Response

from tests.acceptance.login.site import Site

SESSION = "__Secure-authjs.session-token"
ATTEMPT = "__Host-clarivum.login"
PAGE_WITH_SCRIPTS = "/auth/logout"
CSRF = "__Host-clarivum.csrf"

# What a page of ours does: fetch with the browser's own cookies and headers.
FETCH = """async ([path, options]) => {
  const answer = await fetch(path, options)
  const text = await answer.text()
  return {status: answer.status, body: text.startsWith("{") ? JSON.parse(text) : text}
}"""


@dataclass(frozen=True)
class Visitor:
    """One browser profile with one open page."""

    site: Site
    context: BrowserContext
    page: Page

    def open(self, path: str) -> Response:
        """Go to a path of the site, as by typing its address."""
        response = self.page.goto(self.site.url + path)
        assert response is not None
        return response

    def enter(self, subject: str = "auth0|alice", code: str | None = None) -> None:
        """Fill in the provider's page and come back."""
        self.page.fill("input[name=subject]", subject)
        if code is not None:
            self.page.fill("input[name=code]", code)
        self.page.click("button[value=enter]")

    def sign_in(self, subject: str = "auth0|alice", return_to: str = "/api/v1/profile") -> None:
        self.open(f"/auth/login?returnTo={return_to}")
        self.enter(subject)
        assert self.page.url == self.site.url + return_to

    def on_callback(self, act: Callable[[str], str | None]) -> None:
        """Stop the browser on its way to the callback: it goes to what `act` makes of the URL, for None nowhere.

        By the browser's own protocol: Playwright's `route` does not see where a redirect leads.
        """
        devtools = self.context.new_cdp_session(self.page)

        def stopped(event: dict[str, Any]) -> None:
            url = act(event["request"]["url"])
            if url is None:
                devtools.send("Fetch.failRequest", {"requestId": event["requestId"], "errorReason": "Aborted"})
            else:
                devtools.send("Fetch.continueRequest", {"requestId": event["requestId"], "url": url})

        devtools.on("Fetch.requestPaused", stopped)
        devtools.send("Fetch.enable", {"patterns": [{"urlPattern": "*/auth/callback?*"}]})

    def shown(self) -> dict[str, Any]:
        """The JSON document that the page shows."""
        document: dict[str, Any] = json.loads(self.page.inner_text("body"))
        return document

    def fetch(self, path: str, **options: object) -> dict[str, Any]:
        """What a script on a page of the site is answered; a JSON document as a page may not fetch anything."""
        self.open_page_with_scripts()
        answer: dict[str, Any] = self.page.evaluate(FETCH, [path, options])
        return answer

    def open_page_with_scripts(self) -> None:
        if self.page.url != self.site.url + PAGE_WITH_SCRIPTS:
            self.open(PAGE_WITH_SCRIPTS)

    def csrf_token(self) -> str:
        token: str = self.fetch("/auth/csrf")["body"]["csrf_token"]
        return token

    def cookies(self) -> dict[str, dict[str, Any]]:
        """The site's cookies, by name."""
        return {cookie["name"]: dict(cookie) for cookie in self.context.cookies(self.site.url)}

    def session(self) -> dict[str, str]:
        """The session cookie, all chunks of it, as a client would send them."""
        return {name: cookie["value"] for name, cookie in self.cookies().items() if name.startswith(SESSION)}


@contextmanager
def visitor(browser: Browser, site: Site) -> Iterator[Visitor]:
    """A new person, with no cookies."""
    context = browser.new_context(ignore_https_errors=True)
    try:
        yield Visitor(site, context, context.new_page())
    finally:
        context.close()


def replay(site: Site, cookies: dict[str, str], path: str = "/api/v1/profile") -> httpx.Response:
    """The same cookies from somewhere else: what a thief would do."""
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    with httpx.Client(verify=False, trust_env=False) as client:
        return client.get(site.url + path, headers={"cookie": header})
