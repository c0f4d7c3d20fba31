"""The front end's code in docs/guide/auth.md, run: its session is ours to read, its changes get through."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from clarivum.errors import Exit
from clarivum.settings import Settings
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.api.api_process import running_api
from tests.unit.auth.cookie_forge import SECRET, CookieForge

ROOT = Path(__file__).resolve().parents[3]
GUIDE = ROOT / "docs" / "guide" / "auth.md"

# The options that the guide gives to NextAuth, and what its callback makes of a sign-in.
CALL = """
const NextAuth = (options) => ({ options })
const Auth0 = (options) => options
%s
const { providers, session, callbacks } = options
const account = { access_token: "a.b.c" }
const signedIn = await callbacks.jwt({ token: { sub: "x" }, account })
const later = await callbacks.jwt({ token: signedIn })
console.log(JSON.stringify({ signedIn, later, session, params: providers[0].authorization.params }))
"""

# A browser, as far as the guide's code needs one: it keeps cookies and says where a page comes from.
BROWSER = """
const [origin, session, subject] = process.argv.slice(2)
const jar = [session]
const withoutBrowser = globalThis.fetch
globalThis.fetch = async (path, options = {}) => {
  const headers = { ...options.headers, cookie: jar.join("; "), origin }
  const answer = await withoutBrowser(origin + path, { ...options, headers })
  for (const cookie of answer.headers.getSetCookie()) jar[1] = cookie.split(";")[0]
  return answer
}
const { change } = await import("./changes.mjs")
const first = await change("POST", "/notes", { text: `${subject}, first` })
jar[1] = "clarivum.csrf=stale"
const second = await change("POST", "/notes", { text: `${subject}, second` })
const owners = [await first.json(), await second.json()].map((note) => note.owner)
console.log(JSON.stringify({ statuses: [first.status, second.status], owners }))
"""


def test_a_session_made_on_the_command_line(
    sample_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The guide's commands, on the sample's routes and port."""
    found = re.search(r"```sh\n(COOKIE=.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    data = tmp_path_factory.mktemp("identity")
    with running_api(sample_urls.app, data, AUTH_SECRET=SECRET) as api:
        commands = (
            found[1].replace("/api/v1/entitlements", "/whoami").replace("localhost:8000", f"127.0.0.1:{api.port}")
        )
        shown = run_shell(commands.replace("./clarivum token", f"./clarivum token --data {data}"), AUTH_SECRET=SECRET)
    assert '"subject":"auth0|alice"' in shown.stdout
    assert "set-cookie: clarivum.csrf=" in shown.stdout
    assert '{"csrf_token":"' in shown.stdout


def test_a_session_without_a_secret() -> None:
    refused = run_shell("./clarivum token --session")
    assert refused.returncode == Exit.CONFIGURATION
    assert "AUTH_SECRET is missing" in refused.stderr


def run_shell(commands: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "AUTH" not in name} | variables
    return subprocess.run(
        commands, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def code(title: str) -> str:
    found = re.search(rf"```js\n(// {re.escape(title)}.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, f"{title} is not in the guide"
    return found[1]


def run(script: Path, *arguments: str) -> dict[str, object]:
    done = subprocess.run(["node", str(script), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_the_front_ends_options_store_an_access_token_for_our_audience(tmp_path: Path) -> None:
    shown = re.sub(r"^import .*$", "", code("auth.js"), flags=re.MULTILINE)
    options = re.sub(r"export const \{.*?\} =", "const { options } =", shown)
    script = tmp_path / "auth.mjs"
    script.write_text(CALL % options, encoding="utf-8")
    answer = run(script)
    assert answer["signedIn"] == answer["later"] == {"sub": "x", "access_token": "a.b.c"}
    assert answer["session"] == {"strategy": "jwt", "maxAge": 28_800}
    assert isinstance(answer["params"], dict)
    assert answer["params"]["audience"] == Settings.load({}).auth0_audience


def test_changes_made_as_the_guide_makes_them(
    sample_urls: DatabaseUrls, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (tmp_path / "changes.mjs").write_text(code("changes.js"), encoding="utf-8")
    browser = tmp_path / "browser.mjs"
    browser.write_text(BROWSER, encoding="utf-8")
    with running_api(sample_urls.app, tmp_path_factory.mktemp("identity"), AUTH_SECRET=SECRET) as api:
        forge, moment = CookieForge("authjs", name="authjs.session-token"), int(time.time())
        access_token = api.stand_in.issue("auth0|dora", ())
        value = forge.value(access_token=access_token, iat=moment, exp=moment + 600)
        answer = run(browser, f"http://127.0.0.1:{api.port}", f"{forge.name}={value}", "dora")
    assert answer == {"statuses": [201, 201], "owners": ["auth0|dora", "auth0|dora"]}
